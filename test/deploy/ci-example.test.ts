import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { storeToken } from '../../deploy/first-token.ts';
import { DEFAULT_IMAGE } from '../../laptop/config.ts';
import { NAMES } from '../../laptop/infrastructure.ts';
import type { PreviewView } from '../../preview/view.ts';
import { freePort, ROOT, until } from '../e2e/laptop-process.ts';
import { Account } from './world.ts';

const workflow = z.object({
  defaults: z.object({ run: z.object({ shell: z.literal('bash') }) }),
  jobs: z.object({
    preview: z.object({
      steps: z.array(z.object({ name: z.string().optional(), run: z.string().optional() })),
    }),
  }),
});

/** The last step of the workflow in docs/aws.md, which every team copies. */
function lastStep(): string {
  const [, yaml = ''] =
    /```yaml\n(name: preview\n.*?)```/s.exec(readFileSync(join(ROOT, 'docs/aws.md'), 'utf8')) ?? [];
  const step = workflow.parse(parse(yaml)).jobs.preview.steps.at(-1);
  expect(step?.name).toBe('Preview');
  return step?.run ?? '';
}

const missing = ['bash', 'curl', 'jq'].filter((tool) => spawnSync(tool, ['--version']).status !== 0);
if (missing.length > 0)
  process.stderr.write(`the workflow of docs/aws.md is not tested: there is no ${missing.join()}\n`);

let account: Account;
let token: string;
let folder: string;

const server = () => `http://127.0.0.1:${account.ports.api}`;
const summary = () => readFileSync(join(folder, 'summary'), 'utf8').trim().split('\n');

/** A port of this machine for the preview of each run: the same run asks for the same. */
const ports = new Map<string, number>();

/** Runs the step as a runner does, and does not wait as long between two looks. */
async function runStep(
  env: Record<string, string> & { KEY: string },
): Promise<{ code: number | null; stderr: string }> {
  const port = ports.get(env.KEY) ?? (await freePort());
  ports.set(env.KEY, port);
  const script = lastStep().replace('port: 3000', `port: ${port}`).replace('sleep 5', 'sleep 0.5');
  const child = spawn('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', script], {
    env: {
      PATH: process.env['PATH'] ?? '',
      TMPDIR: folder,
      GITHUB_STEP_SUMMARY: join(folder, 'summary'),
      TEMPUS_SERVER: server(),
      TEMPUS_TOKEN: token,
      ACTION: 'synchronize',
      IMAGE: DEFAULT_IMAGE,
      PR: 'shop-7',
      ...env,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const stderr = text(child.stderr);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stderr: await stderr };
}

async function list(pr: string): Promise<PreviewView[]> {
  const reply = await fetch(`${server()}/previews?label=pr=${pr}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return ((await reply.json()) as { items: PreviewView[] }).items;
}

const standing = async (pr: string) =>
  (await list(pr)).filter(({ phase }) => phase !== 'Deleting' && phase !== 'Deleted');

describe.skipIf(missing.length > 0)('the workflow of docs/aws.md', () => {
  beforeAll(async () => {
    account = await Account.open();
    await account.prepare();
    await account.startApi();
    await account.startController();
    await until('the API', async () => (await fetch(`${server()}/health`)).ok);
    token = await storeToken({ client: account.clients.document, table: NAMES.coordination }, 'ci');
    folder = mkdtempSync(join(tmpdir(), 'tempus-ci-'));
  });

  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await account.close();
  });

  test('serves each commit, ends what it served before, and all when the request is closed', async () => {
    const runs = await Promise.all([runStep({ KEY: '1-1' }), runStep({ KEY: '9-1', PR: 'till-7' })]);
    expect(runs).toEqual(runs.map(() => ({ code: 0, stderr: '' })));
    const [first] = await standing('shop-7');
    expect(first).toMatchObject({ phase: 'Ready' });
    expect(summary()).toContain(first?.preview_url);

    expect(await runStep({ KEY: '2-1' })).toEqual({ code: 0, stderr: '' });
    const [second, ...others] = await standing('shop-7');
    expect(others).toEqual([]);
    expect(second).toMatchObject({ phase: 'Ready', preview_url: summary()[2] });
    expect(second?.id).not.toBe(first?.id);

    expect(await runStep({ KEY: '3-1', ACTION: 'closed' })).toEqual({ code: 0, stderr: '' });
    expect(await standing('shop-7')).toEqual([]);
    // That of another repository, whose request has the same number.
    expect(await standing('till-7')).toHaveLength(1);
  }, 300_000);

  test('ends at once where its preview has ended, and shows why a create is refused', async () => {
    const ended = await runStep({ KEY: '2-1' });
    expect(ended.code).not.toBe(0);
    expect(ended.stderr).toMatch(/"phase": "(Deleting|Deleted)"/);
    const refused = await runStep({ KEY: '4-1', IMAGE: 'no image' });
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('"pointer":"/image"');
  }, 300_000);
});
