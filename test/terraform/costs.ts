import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hourlyCost } from '../../preview/cost.ts';
import { ADDRESS_HOUR, idleCost, type Line, NAT_CENTS, totalOf } from './cost.ts';
import { type IdleHour, idleHour } from './idle-hour.ts';
import type { Plan } from './plan.ts';

const PAGE = join(import.meta.dirname, '../../docs/cost.md');

/** Plans of the installs whose cost is told. */
export interface Installs {
  plain: Plan;
  domain: Plan;
  standby: Plan;
  three: Plan;
  private: Plan;
  bootstrap: Plan;
}

type Row = string[];

/** The tables of the page, by their first heading. */
function tablesOf(markdown: string): Map<string, Row[]> {
  const tables = new Map<string, Row[]>();
  let rows: Row[] | undefined;
  for (const line of markdown.split('\n')) {
    if (!line.startsWith('|')) {
      rows = undefined;
      continue;
    }
    const cells = line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim());
    if (rows) rows.push(cells);
    else tables.set(cells[0]!, (rows = [cells]));
  }
  return new Map([...tables].map(([heading, all]) => [heading, all.filter((_, n) => n !== 1)]));
}

/** As lines that can be pasted into the page. */
const asText = (rows: readonly Row[] = []) => rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const dollars = (cents: number) => `$${(cents / 100).toFixed(2)}`;
const signed = (cents: number) => `${cents < 0 ? '−' : '+'}${dollars(Math.abs(cents))}`;

function idleTable(bills: Readonly<Record<string, Line[]>>): Row[] {
  const columns = Object.values(bills);
  return [
    ['USD a month', ...Object.keys(bills)],
    ...columns[0]!.map(({ item }, n) => [item, ...columns.map((lines) => dollars(lines[n]!.cents))]),
    ['**Together**', ...columns.map((lines) => `**${dollars(totalOf(lines))}**`)],
  ];
}

/** Hours of a week in which nobody works: nights of twelve hours, and the weekend. */
const OFF = 108 / 168;

function changes(
  bills: Readonly<Record<'plain' | 'domain' | 'standby' | 'three' | 'private', Line[]>>,
): Row[] {
  const against = (lines: Line[]) => signed(totalOf(lines) - totalOf(bills.plain));
  const running = bills.plain.filter(({ item }) => /^Tasks|^Their public addresses$/.test(item));
  return [
    ['A domain', against(bills.domain)],
    ['Stopped at night and at weekends', signed(-Math.round(totalOf(running) * OFF))],
    ['Private subnets', against(bills.private)],
    ['A NAT gateway for them', signed(NAT_CENTS)],
    ['A standby', against(bills.standby)],
    ['Two more load balancers', against(bills.three)],
    ['`make destroy`', signed(-totalOf(bills.plain.filter(({ item }) => item !== 'Images')))],
  ];
}

/** The default size. */
const SIZE = { cpu: 256, memory: 512 };
const LIVES = [24, 62, 730];

function previewTable(): Row[] {
  return (['X86_64', 'ARM64'] as const).flatMap((arch) =>
    (['on_demand', 'spot'] as const).map((capacity) => {
      const hour = hourlyCost({ ...SIZE, arch, capacity });
      const perHour = [hour, hour - ADDRESS_HOUR].map((usd) => `$${usd.toFixed(4)}`);
      return [`${arch}, ${capacity}`, ...perHour, ...LIVES.map((hours) => dollars(hour * hours * 100))];
    }),
  );
}

export function costs(installs: Installs): void {
  const tables = tablesOf(readFileSync(PAGE, 'utf8'));
  const rowsOf = (heading: string) => tables.get(heading)?.slice(1) ?? [];

  test('what docs/cost.md says of an idle install is what its resources cost', async () => {
    const hours = new Map<number, IdleHour>();
    for (const controllers of [1, 2]) hours.set(controllers, await idleHour(controllers));
    const bill = (plan: Plan, controllers = 1) =>
      idleCost(plan, { hour: hours.get(controllers)!, bootstrap: installs.bootstrap });
    const bills = {
      plain: bill(installs.plain),
      domain: bill(installs.domain),
      standby: bill(installs.standby, 2),
      three: bill(installs.three),
      private: bill(installs.private),
    };
    const columns = {
      'as it comes': bills.plain,
      'with a domain': bills.domain,
      'with a standby': bills.standby,
      'three load balancers': bills.three,
      'private subnets': bills.private,
    };
    expect(asText(tables.get('USD a month'))).toBe(asText(idleTable(columns)));
    const choices = rowsOf('choice').map((row) => row.slice(0, 2));
    expect(asText(choices)).toBe(asText(changes(bills)));
  });

  test('what docs/cost.md says of a preview is what Tempus says of it', () => {
    expect(asText(rowsOf('a preview'))).toBe(asText(previewTable()));
  });
}
