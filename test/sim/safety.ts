import { canonicalInstant } from '../../preview/expiry.ts';
import { containersOf, endpointsOf } from '../../preview/endpoints.ts';
import { readHolder, TAGS, targetGroupName } from '../../preview/names.ts';
import type { Phase, PreviewRow } from '../../preview/record.ts';
import type { Call } from './calls.ts';
import { CONFIG, TABLES } from './config.ts';
import { parseSpec } from '../../preview/spec.ts';
import { desiredOf, servableOf } from './desired.ts';
import { billableTasks, inventory } from './inventory.ts';
import { foreignState, wrongOwner, wrongRoute } from './ownership.ts';
import { SERVING } from './tasks.ts';
import type { SimProcess } from './process.ts';
import { EPOCH } from './virtual-time.ts';
import type { World, Writer } from './world.ts';

/** What must never happen, by the names of the invariants in docs/failure-modes.md. */
export interface Violation {
  invariant: string;
  message: string;
  at: number;
  detail: Record<string, unknown>;
}

interface Change {
  table: string;
  before: Record<string, unknown> | undefined;
  after: Record<string, unknown> | undefined;
}

/** An independent copy of who may follow whom: the oracle must not share the product's own table. */
const MOVES: Readonly<Record<Phase, string>> = {
  Pending: 'Pending Provisioning Failed Deleting',
  Provisioning: 'Provisioning Ready Failed Deleting',
  Ready: 'Ready Updating Degraded Deleting',
  Updating: 'Updating Ready Degraded Deleting',
  Degraded: 'Degraded Ready Deleting',
  Failed: 'Failed Provisioning Deleting',
  Deleting: 'Deleting Deleted',
  Deleted: '',
};
/** Worst case with any one part dead. */
const OVERDUE_MS = 30 * 60_000;
const LOOK_MS = 30_000;

/** The first of these fields that is a text; empty where none is. */
function textOf(input: Record<string, unknown>, ...names: string[]): string {
  return names.map((name) => input[name]).find((value) => typeof value === 'string') ?? '';
}

/** The safety invariants, checked at every change and at every resting point. */
export class Safety {
  readonly violations: Violation[] = [];
  /** What was seen to happen, for coverage: moves of phases, takeovers, adoptions, sweeps. */
  readonly marks = new Set<string>();
  /** Every preview that was ever created, by uid. */
  readonly known = new Map<string, string>();
  /** When a person last changed something of a preview by hand, in the table or in AWS. */
  readonly touched = new Map<string, number>();
  /** Previews whose names a stranger holds. */
  readonly blocked = new Set<string>();
  /** Previews of which a teardown has taken something: they never come back. */
  readonly condemned = new Set<string>();
  /** How far the wall clocks of processes may be off. */
  skewMs = 0;
  writes = 0;
  readonly #world: World;
  #neighbours: string | undefined;
  #lookedAt = 0;

  constructor(world: World) {
    this.#world = world;
  }

  violate(invariant: string, message: string, detail: Record<string, unknown> = {}): void {
    this.violations.push({ invariant, message, at: this.#world.time.ms, detail });
  }

  onChange({ table, before, after }: Change): void {
    if (table === TABLES.coordination) this.#leaderChanged(before, after);
    if (table !== TABLES.previews) return;
    this.writes += 1;
    const writer = this.#world.writer;
    const [was, is] = [before as PreviewRow | undefined, after as PreviewRow | undefined];
    if (writer === 'human') {
      if (is) this.touched.set(is.id, this.#world.time.ms);
      return;
    }
    if (!is) return this.violate('S4', `${writer} deleted a record`, { id: was?.id });
    if (!was) return this.#created(writer, is);
    this.marks.add(`${was.phase} → ${is.phase}`);
    const detail = { id: is.id, writer, was: was.phase, is: is.phase };
    if (was.preview_id !== is.preview_id) this.violate('S5', 'a record changed its identity', detail);
    if (!(MOVES[was.phase] ?? 'any').includes(is.phase) && was.phase in MOVES) {
      if (!this.#claimedByHand(was))
        this.violate('S3', `${writer} moved ${was.phase} to ${is.phase}`, detail);
    }
    this.#desiredUntouched(was, is, writer);
    if (this.condemned.has(is.preview_id) && is.phase !== 'Deleting' && is.phase !== 'Deleted') {
      this.violate('S3', `${writer} goes on with what is being torn down`, detail);
    }
    if (writer === 'controller') this.#controllerWrote(was, is);
    if (is.deletion && !was.deletion) this.#expiredInTime(is, writer);
    if (is.phase === 'Deleted' && is.purge_at !== undefined) this.#provenGone(is);
    if (is.phase === 'Ready' && was.phase !== 'Ready') this.#trulyReady(is);
  }

  #leaderChanged(before: Change['before'], after: Change['after']): void {
    const [was, is] = [before?.['holder'], after?.['holder']];
    if (before?.['key'] !== 'lease#leader' || was === is || is === '-') return;
    this.marks.add(was === '-' ? 'lease handed over' : 'lease taken over');
  }

  #created(writer: Writer, row: PreviewRow): void {
    if (writer !== 'api') this.violate('S5', `${writer} brought a record into being`, { id: row.id });
    if (row.phase !== 'Pending') this.violate('S3', `a record began as ${row.phase}`, { id: row.id });
    this.known.set(row.preview_id, row.id);
  }

  /** A hand may have stored any phase; the controller sets it right, along a path that no table allows. */
  #claimedByHand({ id, status }: PreviewRow): boolean {
    return this.touched.has(id) || status.rev === 0;
  }

  #desiredUntouched(was: PreviewRow, is: PreviewRow, writer: Writer): void {
    const desired = ({ spec, ttl_hours, name, owner, created_at, labels }: PreviewRow) =>
      JSON.stringify([spec, ttl_hours, name, owner, created_at, labels]);
    if (was.spec !== is.spec && desired(was) !== desired(is)) {
      this.violate('S9', `${writer} changed desired state`, { id: is.id });
    }
    if (was.expires_at === is.expires_at) return;
    const edited = was.ttl_hours !== (was.status.accepted?.ttl_hours ?? was.ttl_hours);
    const canonical = canonicalInstant(was.expires_at) === was.expires_at;
    if (writer !== 'controller' || (!edited && canonical)) {
      const detail = { id: is.id, was: was.expires_at, is: is.expires_at };
      this.violate('S9', `${writer} moved the expiry`, detail);
    }
  }

  #controllerWrote(was: PreviewRow, is: PreviewRow): void {
    const rev = was.status?.rev ?? 0;
    if (is.status.rev !== rev + 1) {
      this.violate('S5', 'a status write did not rest on what was read', {
        id: is.id,
        was: rev,
        is: is.status.rev,
      });
    }
  }

  /** Nobody dies before the time that was promised: up to how far clocks may be off. */
  #expiredInTime(row: PreviewRow, writer: Writer): void {
    if (row.deletion?.reason !== 'Expired') return;
    const left = desiredOf(row, CONFIG.max_ttl_hours).ends - (EPOCH + this.#world.time.ms);
    if (left > this.skewMs + 5_000)
      this.violate('S9', `${writer} expired a preview early`, { id: row.id, left });
  }

  /** The record closes only over nothing at all. What comes later, from a call that was late, is the sweep's. */
  #provenGone(row: PreviewRow): void {
    const left = inventory(this.#world.cloud.state).filter(
      ({ uid, id }) => (uid ?? id) === (uid ? row.preview_id : row.id),
    );
    if (left.length > 0) {
      this.violate('S4', 'a record was closed over what still stands', {
        id: row.id,
        left: left.map(({ kind }) => kind),
      });
    }
    const open = Object.entries(row.status.resources).filter(([, trace]) => trace.absent_at === undefined);
    if (open.length > 0) this.violate('S4', 'a record was closed with an open receipt', { id: row.id, open });
    const slots = this.#slots(row.preview_id);
    if (slots.length > 0)
      this.violate('S4', 'a record was closed while it held a slot', { id: row.id, slots });
  }

  #slots(uid: string): string[] {
    return this.#world.database.items(TABLES.coordination).flatMap((item) => {
      const owners = item['owners'] as Record<string, number> | undefined;
      return Object.keys(owners ?? {}).some((holder) => readHolder(holder).uid === uid)
        ? [String(item['key'])]
        : [];
    });
  }

  /** Ready is never said of what does not serve, unless AWS was changed by hand a moment ago. */
  #trulyReady(row: PreviewRow): void {
    const { cloud, time } = this.#world;
    const recently = time.ms - (this.touched.get(row.id) ?? -Infinity) < 120_000;
    const stalled = this.#world.calls.fired.some(
      ({ mode, at, ms = 0 }) => mode === 'stall' && time.ms - at - ms < 300_000,
    );
    if (recently || stalled) return;
    const service = cloud.state.ecs.services.find(({ name }) => name === `tempus-${row.id}`);
    const primary = service?.deployments[0];
    const containers = cloud.state.ecs.taskDefinitions.find(({ arn }) => arn === primary?.taskDefinition)
      ?.registered.containerDefinitions;
    const image = containers?.map((one) => one.image).join();
    const wanted = containersOf(row.spec).map((one) => one.image);
    const good = image === wanted.join() && wanted.every((one) => SERVING.has(one));
    const serves = good && primary?.rolloutState === 'COMPLETED';
    if (!serves) {
      const detail = { id: row.id, image, rollout: primary?.rolloutState, desired: service?.desiredCount };
      this.violate('S10', 'a preview was called Ready that does not serve', detail);
    }
  }

  /** Nothing is ever changed that is not provably ours. */
  beforeEffect({ role }: SimProcess, { service, call, input, mutates }: Call<unknown>): void {
    if (!mutates || !['ecs', 'elbv2', 'scheduler'].includes(service)) return;
    const what = input as Record<string, unknown>;
    const owned = wrongOwner(call, what, this.#world);
    this.#mark(call, what);
    if (call === 'createService') this.#fuseFirst(what);
    if (owned !== undefined) this.violate('S1', `${role} called ${call} on ${owned}`, { input: what });
    const astray = /^(create|modify)Rule$/.test(call) ? wrongRoute(what, this.#world) : undefined;
    if (astray) this.violate('S6', 'a rule leads a host to another preview', astray);
  }

  /** What this change shows: a sweep, where the record of what is deleted is closed already. */
  #mark(call: string, input: Record<string, unknown>): void {
    if (!/^(delete|deregister)/.test(call)) return;
    const { elbv2, ecs } = this.#world.cloud.state;
    const arn = textOf(input, 'TargetGroupArn', 'RuleArn');
    const named = textOf(input, 'service', 'Name', 'taskDefinition');
    const tagged = (elbv2.tags[arn] ?? []).find(({ Key }) => Key === TAGS.preview)?.Value;
    const id = tagged ?? /tempus-([0-9a-f]{8})/.exec(named)?.[1] ?? '';
    const row = this.#world.database.item(TABLES.previews, { id }) as PreviewRow | undefined;
    if (row?.phase === 'Deleting') this.condemned.add(row.preview_id);
    const owner = (elbv2.tags[arn] ?? []).find(({ Key }) => Key === TAGS.uid)?.Value ?? row?.preview_id;
    const lives =
      row &&
      row.preview_id === owner &&
      row.phase !== 'Deleting' &&
      row.phase !== 'Deleted' &&
      !this.condemned.has(row.preview_id);
    const recently = this.#world.time.ms - (this.touched.get(id) ?? -Infinity) < OVERDUE_MS;
    const group = elbv2.targetGroups.find((one) => one.arn === arn)?.name;
    const former = row !== undefined && group !== undefined && !wantsGroup(row, group);
    if (lives && !recently && !former && /^delete(Service|TargetGroup|Schedule)$/.test(call)) {
      this.violate('S12', `${call} of a preview that lives`, { id, phase: row.phase });
    }
    if ((!row || row.phase === 'Deleted') && ecs.services && id !== '') this.marks.add(`sweep ${call}`);
  }

  /** No task ever runs without the schedule that will stop it, unless a hand has just taken the schedule away. */
  #fuseFirst(input: Record<string, unknown>): void {
    const name = String(input['serviceName']);
    const id = name.slice('tempus-'.length);
    const { cloud, time } = this.#world;
    const recently = time.ms - (this.touched.get(id) ?? -Infinity) < OVERDUE_MS;
    const row = this.#world.database.item(TABLES.previews, { id }) as PreviewRow | undefined;
    // A call that was late lands in a teardown, or after it: the next pass, or the sweep, takes it away.
    const late = row === undefined || row.phase === 'Deleting' || row.phase === 'Deleted';
    if (recently || late || cloud.state.scheduler.schedules.some((schedule) => schedule.name === name))
      return;
    this.violate('S11', 'a service is created without a fuse', { id });
  }

  /** A run of the Lambda that has succeeded leaves nothing behind whose time was up when it began. */
  afterLambda(began: Date): void {
    const rows = this.#world.database.items(TABLES.previews) as unknown as PreviewRow[];
    const late = rows.filter(({ live, phase, expires_at, id }) => {
      const end = canonicalInstant(expires_at) === expires_at ? Date.parse(expires_at) : Infinity;
      const asked = this.#world.time.ms - (this.touched.get(id) ?? -Infinity) < 60_000;
      return live && !asked && end <= began.getTime() && phase !== 'Deleting' && phase !== 'Deleted';
    });
    for (const { id } of late) this.violate('L3', 'the Lambda has left what was due', { id });
  }

  /** Notes what belongs to somebody else: it must look the same at every resting point. */
  guardNeighbours(): void {
    this.#neighbours = foreignState(this.#world);
  }

  atRest(): void {
    const { time } = this.#world;
    if (time.ms - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = time.ms;
    if (this.#neighbours !== undefined && this.#neighbours !== foreignState(this.#world)) {
      this.violate('S1', 'something of a neighbour was changed', {
        was: this.#neighbours,
        is: foreignState(this.#world),
      });
    }
    this.#nothingOverdue();
  }

  #nothingOverdue(): void {
    const now = EPOCH + this.#world.time.ms;
    for (const { id, createdAt } of billableTasks(this.#world.cloud.state)) {
      const row = this.#world.database.item(TABLES.previews, { id }) as PreviewRow | undefined;
      // What belongs to a record that a hand has erased has no time of its own: it is an orphan, and L1's matter.
      if (!row) continue;
      const expires = desiredOf(row, CONFIG.max_ttl_hours).ends;
      const asked = EPOCH + (this.touched.get(id) ?? 0);
      const over = now - Math.max(expires, createdAt, asked);
      if (over > OVERDUE_MS) {
        this.violate('L3', 'a task outlives its preview', { id, minutes: Math.round(over / 60_000) });
      }
    }
  }
}

/** Whether a target group is behind an address of what the preview runs; what an edit or a rollback has left may go. */
function wantsGroup({ id, spec, status }: PreviewRow, group: string): boolean {
  const parsed = parseSpec(spec);
  const asked = parsed.success ? parsed.data : status.accepted?.spec;
  const runs = asked && (servableOf(asked, status.served_spec) ?? asked);
  return runs === undefined || endpointsOf(runs).some(({ suffix }) => targetGroupName(id, suffix) === group);
}
