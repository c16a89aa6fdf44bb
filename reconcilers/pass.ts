import type { Service } from '@aws-sdk/client-ecs';
import type { Rule } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { AwsPorts } from '../aws/ports.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Coordination } from '../preview/coordination.ts';
import type { PreviewRow } from '../preview/record.ts';
import type { PreviewStore } from '../preview/store.ts';
import type { Absences } from './absences.ts';
import type { ReconcilerConfig } from './config.ts';
import type { Plan } from './plan.ts';
import type { Probe } from './probe.ts';
import type { Recent } from './recent.ts';
import type { Claim } from './slots.ts';
import type { StatusDraft } from './status-draft.ts';
import type { Waits } from './waits.ts';

/** What a reconciler is built from. The ports refuse mutating calls once the leader's tenure is over. */
export interface ReconcilerDeps {
  store: PreviewStore;
  coordination: Coordination;
  ports: AwsPorts;
  probe: Probe;
  clock: Clock;
  log: Log;
  config: ReconcilerConfig;
  absences: Absences;
  waits: Waits;
  recent: Recent;
  /** Has another preview looked at soon: one that waited for what this pass has just freed. Absent where nobody queues. */
  wake?: (id: string) => void;
}

/** What every step of a pass works with. */
export interface Work {
  row: PreviewRow;
  ports: AwsPorts;
  config: ReconcilerConfig;
  clock: Clock;
  log: Log;
  draft: StatusDraft;
}

/** A pass that takes away: by name, for whatever address it may have been made. */
export interface Removing extends Work {
  targetGroupNames: readonly string[];
  absences: Absences;
}

/** The rules of a listener, those of them that concern a preview, and which of these its tags prove to be its own. */
export interface StandingRules {
  all: readonly Rule[];
  mine: readonly Rule[];
  owned: ReadonlySet<string>;
}

/** A revision of a task definition, whether its tags prove it ours, and which spec they say that it runs. */
export interface StandingRevision {
  arn: string;
  own: boolean;
  specHash: string | undefined;
}

/** A pass that makes the world like its plan. Each step leaves here what the later ones need. */
export interface Ensuring extends Work {
  plan: Plan;
  claim: Claim;
  coordination: Coordination;
  waits: Waits;
  recent: Recent;
  probe: Probe;
  /** The preview has answered under its own address in this pass. */
  answers?: boolean;
  /** The fuse was gone although this preview had one: it has fired, or a hand has taken it away. */
  fuseBurnt?: boolean;
  /** A stranger's rule stands in the slot of the address with this suffix: another slot would do. */
  slotTaken?: string;
  /** By the suffix of the address that each is behind. */
  targetGroups?: ReadonlyMap<string, string>;
  /** As they were seen in this pass; absent again once it has changed one. */
  standingRules?: StandingRules | undefined;
  /** What was seen under its name before anything was done about it, if anything was. */
  standingRevision?: { seen: StandingRevision | undefined };
  taskDefinitionArn?: string;
  standingService?: { seen: Service | undefined };
  service?: Service;
}
