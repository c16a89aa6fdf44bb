import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { docker } from './engine.ts';

/** Applets of busybox that the tests' containers run. */
const APPLETS = ['sh', 'echo', 'sleep', 'cat', 'httpd', 'wget', 'dd', 'env', 'mkdir', 'pwd'];

/** A shell and a web server FROM scratch: one program. */
export function busyboxImage(): string {
  return imageOf('tempus-test/busybox:1', (root) => {
    mkdirSync(join(root, 'bin'));
    copyProgram(which('busybox'), root, 'bin/busybox');
    for (const applet of APPLETS) symlinkSync('busybox', join(root, 'bin', applet));
    mkdirSync(join(root, 'tmp'));
    return 'CMD ["sh", "-c", "mkdir -p /www; echo hello > /www/index.html; exec httpd -f -p $PORT -h /www"]';
  });
}

/** Node itself FROM scratch, with the libraries that it is linked to, and one file to run. */
export function nodeImage(app: string, tag: string): string {
  return imageOf(`tempus-test/node:${tag}`, (root) => {
    copyProgram(process.execPath, root, 'node');
    mkdirSync(join(root, 'app'));
    copyFileSync(app, join(root, 'app/server.mjs'));
    return 'WORKDIR /app\nENTRYPOINT ["/node"]\nCMD ["server.mjs"]';
  });
}

/** What the product's own images take from node's slim image: node, and the libraries that it is linked to, where Debian has them. */
export function slimImage(): string {
  return imageOf('tempus-test/node-slim:1', (root) => {
    const triplet = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
    copyFileTo(root, 'usr/local/bin/node', process.execPath);
    for (const library of librariesOf(process.execPath))
      copyFileTo(root, join('usr/lib', triplet, basename(library)), library);
    return 'CMD ["node"]';
  });
}

/** An image whose program is for a processor that this machine does not have. */
export function foreignImage(): string {
  const machine = process.arch === 'arm64' ? 62 : 183;
  return imageOf('tempus-test/foreign:1', (root) => {
    const header = Buffer.alloc(120);
    header.write('\x7fELF\x02\x01\x01', 'latin1');
    header.writeUInt16LE(2, 16);
    header.writeUInt16LE(machine, 18);
    writeFileSync(join(root, 'app'), header, { mode: 0o755 });
    return 'ENTRYPOINT ["/app"]';
  });
}

/** `fill` writes the image's files and answers the rest of its Dockerfile. Built once an engine. */
function imageOf(name: string, fill: (root: string) => string): string {
  const context = mkdtempSync(join(tmpdir(), 'tempus-image-'));
  try {
    const root = join(context, 'root');
    mkdirSync(root);
    writeFileSync(join(context, 'Dockerfile'), `FROM scratch\nCOPY root /\n${fill(root)}\n`);
    execFileSync('docker', ['build', '--quiet', '--tag', name, context], {
      env: { ...process.env, DOCKER_BUILDKIT: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
  docker('image', 'inspect', '--format', '{{.Id}}', name);
  return name;
}

/** Copies a program of this machine, and the libraries that it is linked to, if any. */
function copyProgram(file: string, root: string, to: string): void {
  for (const library of librariesOf(file)) copyFileTo(root, library, library);
  copyFileTo(root, to, file);
}

function librariesOf(program: string): string[] {
  return spawnSync('ldd', [program], { encoding: 'utf8' }).stdout.match(/\/\S+(?= \()/g) ?? [];
}

function copyFileTo(root: string, to: string, file: string): void {
  mkdirSync(join(root, dirname(to)), { recursive: true });
  copyFileSync(file, join(root, to));
}

function which(program: string): string {
  return execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim();
}
