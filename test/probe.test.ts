import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createPlain, type RequestListener, type Server } from 'node:http';
import { createServer as createSecure } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { httpProbe, isPreviewAnswer } from '../reconcilers/probe.ts';

const HOST = 'preview-550e8400.preview.example.com';

/** Answers as a preview does, and notes under which names it was asked. */
const asked: { host: string | undefined; name: unknown; path: string | undefined }[] = [];
const answer: RequestListener = (request, response) => {
  const { servername: name } = request.socket as TLSSocket & { servername?: unknown };
  asked.push({ host: request.headers.host, name, path: request.url });
  response.writeHead(204).end();
};

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a preview is asked as its users ask it', () => {
  const trusted = getCACertificates('default');
  const folder = mkdtempSync(join(tmpdir(), 'tempus-probe-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  let plain: Server;
  let secure: Server;

  beforeAll(() => {
    // One that is good for the previews' domain and for nothing else, as a load balancer has it.
    const subject = [
      '-subj',
      '/CN=*.preview.example.com',
      '-addext',
      'subjectAltName=DNS:*.preview.example.com',
    ];
    const made = [
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-keyout',
      key,
      '-out',
      cert,
    ];
    execFileSync('openssl', ['req', '-x509', '-days', '1', ...made, ...subject], { stdio: 'pipe' });
    setDefaultCACertificates([...trusted, readFileSync(cert, 'utf8')]);
    plain = createPlain(answer);
    secure = createSecure({ key: readFileSync(key), cert: readFileSync(cert) }, answer);
  });
  afterAll(() => {
    setDefaultCACertificates(trusted);
    plain.close();
    secure.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('over HTTP at the load balancer’s own address, by the name in the URL', async () => {
    const address = await listen(plain);
    const found = await httpProbe(`http://${HOST}/up?full`, address);
    expect(found).toEqual({ status: 204, server: '' });
    expect(isPreviewAnswer(found)).toBe(true);
    expect(asked.at(-1)).toMatchObject({ host: HOST, path: '/up?full' });
  });

  test('over HTTPS with the name for which the certificate is good, and not where it is not', async () => {
    const address = await listen(secure);
    expect(await httpProbe(`https://${HOST}/`, address)).toEqual({ status: 204, server: '' });
    expect(asked.at(-1)).toMatchObject({ host: HOST, name: HOST });
    await expect(httpProbe('https://elsewhere.example.org/', address)).rejects.toThrow(
      /not match certificate/,
    );
    setDefaultCACertificates(trusted);
    await expect(httpProbe(`https://${HOST}/`, address)).rejects.toThrow(/self-signed certificate/);
  });
});
