import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What became of one test of a contract suite. */
interface Result {
  name: string;
  status: 'passed' | 'failed' | 'skipped' | 'pending';
  failures: string[];
}

export interface ContractRun {
  tests: Result[];
  /** What the suites said aloud: which operations the endpoint lacks, and what they could not clean up. */
  said: string;
}

interface Report {
  testResults: {
    message: string;
    assertionResults: { fullName: string; status: Result['status']; failureMessages: string[] | null }[];
  }[];
}

const root = new URL('../..', import.meta.url).pathname;

/** Runs contract suites as a user does: in a process that knows nothing of the endpoint but its URL. */
export async function runContract(endpoint: string, suites: readonly string[]): Promise<ContractRun> {
  const folder = await mkdtemp(join(tmpdir(), 'contract-run-'));
  const outputFile = join(folder, 'report.json');
  try {
    const files = suites.map((suite) => `test/contract/${suite}.contract.test.ts`);
    const options = ['--reporter=json', `--outputFile=${outputFile}`, '--maxWorkers=1'];
    const program = join(root, 'node_modules/vitest/vitest.mjs');
    // Vitest tells its own workers apart by its variables, and a run inside a run must not take itself for one.
    const inherited = Object.entries(process.env).filter(([name]) => !/^(VITEST|TEST|NODE_ENV)/.test(name));
    const child = spawn(process.execPath, [program, 'run', ...options, ...files], {
      cwd: root,
      env: { ...Object.fromEntries(inherited), TEMPUS_CONTRACT_ENDPOINT: endpoint },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const said = child.stderr.setEncoding('utf8').toArray();
    await once(child, 'exit');
    const report = JSON.parse(await readFile(outputFile, 'utf8')) as Report;
    const tests = report.testResults.flatMap(({ message, assertionResults }) => {
      const found = assertionResults.map(({ fullName, status, failureMessages }) => {
        return { name: fullName, status, failures: failureMessages ?? [] };
      });
      return message
        ? [...found, { name: 'the file', status: 'failed' as const, failures: [message] }]
        : found;
    });
    return { tests, said: (await said).join('') };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
