import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PARTIAL, RECORD_FOLDER } from './record.ts';
import { compare } from './comparison.ts';
import { type Request, TASK_SUBNETS } from './requests.ts';
import { Stage, terraformCheck } from '../terraform/plan.ts';
import { PLAIN } from '../terraform/variants.ts';
import type { Policy } from './policy.ts';
import { policiesOf } from './rendered.ts';

async function plannedPolicies(program: string): Promise<Record<string, Policy>> {
  const stage = await Stage.set(program);
  try {
    const network = { vpc_id: 'vpc-1', public_subnet_ids: JSON.stringify(TASK_SUBNETS) };
    return policiesOf(await stage.plan({ ...PLAIN.variables, ...network }), PLAIN.install);
  } finally {
    stage.remove();
  }
}

/**
 * Runs after the whole suite (npm test): what its tests asked of AWS, held against what Terraform lets each role do. A
 * call without a right fails, and a right without a call.
 */
async function main(): Promise<void> {
  const skip = (why: string): void => {
    process.stdout.write(`SKIPPED rights of roles against recorded calls: ${why}\n`);
  };
  const program = terraformCheck();
  if (!program) return skip('there is nothing here that plans Terraform without an account');
  if (existsSync(join(RECORD_FOLDER, PARTIAL))) {
    const why = 'only a part of the tests has run';
    if (process.env['TEMPUS_REQUIRE_RIGHTS'] === '1') throw new Error(`rights were not compared: ${why}`);
    return skip(why);
  }
  const files = readdirSync(RECORD_FOLDER).filter((name) => name.endsWith('.jsonl'));
  const lines = files.flatMap((name) => readFileSync(join(RECORD_FOLDER, name), 'utf8').trim().split('\n'));
  const recorded = [...new Set(lines)].map((line) => JSON.parse(line) as Request & { role: string });
  const { denied, unused, defects, actions } = await compare(await plannedPolicies(program), recorded);
  for (const [title, found] of Object.entries({
    'asked and not allowed': denied,
    'allowed and never asked': unused,
    'not honoured by AWS': defects,
  }))
    if (found.length > 0)
      process.stderr.write(`${title}:\n${[...new Set(found)].map((one) => `  ${one}\n`).join('')}`);
  const counts = Object.entries(actions).map(([role, count]) => `${role} ${count}`);
  const wrong = denied.length + unused.length + defects.length > 0;
  process.stdout.write(`Actions of each role${wrong ? '' : ', all of them used'}: ${counts.join(', ')}\n`);
  if (wrong) process.exitCode = 1;
}

await main();
