import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TempusClient } from './client/client.ts';
import { demoSeconds, runDemo } from './laptop/demo.ts';
import { tearDownEarlier } from './laptop/fresh.ts';
import { Home } from './laptop/home.ts';
import { type LaptopOptions, parseOptions } from './laptop/options.ts';
import { choosePort } from './laptop/ports.ts';
import { type LaptopSettings, readSettings } from './laptop/settings.ts';
import { startSystem, type System } from './laptop/system.ts';
import { systemClock as clock } from './platform/clock.ts';
import { ConfigError, processEnv } from './platform/config.ts';
import { createFileLog } from './platform/log.ts';
import { print, printError } from './platform/terminal.ts';

const VERSION = (
  JSON.parse(readFileSync(join(import.meta.dirname, 'package.json'), 'utf8')) as { version: string }
).version;

/** Laptop mode: all of Tempus in one process, on an AWS that is on this machine. */
async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  const read = readSettings(processEnv(), import.meta.dirname);
  const realism = options.realism === true ? 1 : (options.realism ?? read.realism);
  const settings = { ...read, realism };
  const home = Home.take(settings.home, process.pid);
  try {
    await run(options, settings, home);
  } finally {
    home.release();
  }
}

async function run(options: LaptopOptions, settings: LaptopSettings, home: Home): Promise<void> {
  const ports = await choosePorts(settings);
  const logFile = join(settings.home, 'laptop.log');
  const log = createFileLog(settings.log_level, logFile);
  if (options.fresh && (await tearDownEarlier(settings.home, processEnv(), log)))
    print('Tore down what an earlier run left.');
  const system = await startSystem({ ...settings, ports, env: processEnv(), log, version: VERSION });
  home.announce(system.api);
  greet(system, settings, ports.router, Math.round(clock.monotonic()), logFile);

  const stop = stopOnSignal();
  const client = new TempusClient({ server: system.api, clock });
  const living = (await client.list({})).length;
  if (living > 0) print(`${living} preview${living === 1 ? '' : 's'} of an earlier run: npx --no tempus ls`);
  // The demo's sample app is a program of this machine, which TEMPUS_RUNTIME=docker keeps out.
  const showDemo = options.demo && settings.runtime !== 'docker';
  const demo = showDemo
    ? runDemo({ client, clock, print, seconds: demoSeconds(settings.realism) }, stop.signal)
    : Promise.resolve();
  await Promise.all([demo, stop.signalled]);
  print('Stopping. Previews keep their records; the next start takes them up again.');
  await system.stop();
}

async function choosePorts(settings: LaptopSettings): Promise<{ api: number; router: number; aws: number }> {
  const taken = new Set<number>();
  const choose = async (wish: LaptopSettings['api']) => {
    const { port, moved } = await choosePort(settings.host, wish, taken);
    if (moved) print(`Port ${wish.port} is taken, using ${port}. Set ${wish.setting} to choose another.`);
    taken.add(port);
    return port;
  };
  return {
    api: await choose(settings.api),
    router: await choose(settings.router),
    aws: await choose(settings.aws),
  };
}

function greet(system: System, settings: LaptopSettings, router: number, ms: number, logFile: string): void {
  print(`Tempus laptop mode ${VERSION}, ready in ${ms} ms`);
  print(`  API       ${system.api}            (OpenAPI: /openapi.json)`);
  print(
    `  Previews  http://preview-<id>.localhost:${router}/  and  http://127.0.0.1:${router}/preview-<id>/`,
  );
  print(`  AWS       ${system.aws}            (any AWS client; region us-east-1, any credentials)`);
  print(`  State     ${settings.home}         (log: ${logFile})`);
  print();
  print('Preview an app of your own, from its folder:');
  print('  npx --no tempus create --cmd "node server.js" --port 3000 --ttl 1h --wait');
  print();
}

/** Aborts at the first Ctrl-C or SIGTERM; a second one does not wait for anything. */
function stopOnSignal(): { signal: AbortSignal; signalled: Promise<void> } {
  const controller = new AbortController();
  const signalled = new Promise<void>((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.on(name, () => {
        if (controller.signal.aborted) process.exit(130);
        controller.abort();
        resolve();
      });
    }
  });
  return { signal: controller.signal, signalled };
}

try {
  await main();
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  printError(error.message);
  process.exitCode = 1;
}
