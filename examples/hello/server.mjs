// The sample app: what a preview shows when nothing else was asked for. No dependencies, one file.
import { createServer } from 'node:http';

const {
  PORT = '8080',
  HOST = '0.0.0.0',
  TEMPUS_PREVIEW_ID,
  TEMPUS_REVISION,
  TEMPUS_EXPIRES_AT,
} = process.env;

const facts = {
  preview_id: TEMPUS_PREVIEW_ID ?? 'none',
  revision: TEMPUS_REVISION ?? 'none',
  expires_at: TEMPUS_EXPIRES_AT ?? null,
};

const escape = (text) => text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Preview ${escape(facts.preview_id)}</title>
<style>
  :root { color-scheme: light dark; --ink: #17202a; --paper: #fbfaf7; --quiet: #5c6670; --accent: #0b6e4f; }
  @media (prefers-color-scheme: dark) {
    :root { --ink: #eceae4; --paper: #14181c; --quiet: #9aa4ad; --accent: #5cc9a3; }
  }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--paper); color: var(--ink);
    font: 1.05rem/1.5 system-ui, sans-serif; }
  main { padding: 2rem; max-width: 34rem; }
  h1 { font-size: 1.1rem; font-weight: 600; color: var(--quiet); margin: 0; }
  #left { font-size: clamp(3rem, 14vw, 5.5rem); font-weight: 300; font-variant-numeric: tabular-nums; line-height: 1.1;
    margin: .4rem 0 1rem; color: var(--accent); }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.25rem; margin: 0; }
  dt { color: var(--quiet); } dd { margin: 0; font-family: ui-monospace, monospace; }
  p { color: var(--quiet); } a { color: inherit; }
</style>
<main>
  <h1>This preview goes away in</h1>
  <div id="left" role="timer">…</div>
  <dl>
    <dt>Preview</dt><dd>${escape(facts.preview_id)}</dd>
    <dt>Revision</dt><dd>${escape(facts.revision)}</dd>
    <dt>Expires</dt><dd><time id="at">${escape(facts.expires_at ?? 'unknown')}</time></dd>
  </dl>
  <p>It is the sample app of Tempus. The same as <a href="api">JSON</a>.</p>
</main>
<script>
  const at = Date.parse(document.getElementById('at').textContent);
  const left = document.getElementById('left');
  const two = (n) => String(n).padStart(2, '0');
  const tick = () => {
    const s = Math.max(0, Math.round((at - Date.now()) / 1000));
    if (Number.isNaN(s)) left.textContent = 'unknown';
    else if (s === 0) left.textContent = 'now';
    else left.textContent = (s >= 3600 ? Math.floor(s / 3600) + ':' : '') + two(Math.floor(s / 60) % 60) + ':' + two(s % 60);
  };
  tick();
  setInterval(tick, 1000);
</script>
</html>
`;

const routes = {
  '/': ['text/html; charset=utf-8', page],
  '/api': ['application/json', `${JSON.stringify(facts)}\n`],
  '/healthz': ['text/plain', 'ok\n'],
};

const server = createServer((request, response) => {
  // Not new URL(): it throws for `//`, which anybody may ask for.
  const [pathname] = (request.url ?? '/').split('?');
  const [type, body] = routes[pathname] ?? ['text/plain', 'not found\n'];
  response.writeHead(routes[pathname] ? 200 : 404, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(request.method === 'HEAD' ? undefined : body);
  const asks = request.headers['user-agent'] ?? '';
  if (!/^(ELB-HealthChecker|tempus-probe)/.test(asks)) console.log(`${request.method} ${pathname}`);
});

server.listen(Number(PORT), HOST, () => console.log(`listening on port ${PORT}`));
process.on('SIGTERM', () => {
  server.close(() => process.exit(0));
  server.closeAllConnections();
});
