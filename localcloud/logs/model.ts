import type {
  CreateLogGroupCommandInput,
  CreateLogGroupCommandOutput,
  CreateLogStreamCommandInput,
  CreateLogStreamCommandOutput,
  DeleteLogStreamCommandInput,
  DeleteLogStreamCommandOutput,
  DescribeLogGroupsCommandInput,
  DescribeLogGroupsCommandOutput,
  DescribeLogStreamsCommandInput,
  DescribeLogStreamsCommandOutput,
  FilterLogEventsCommandInput,
  FilterLogEventsCommandOutput,
  GetLogEventsCommandInput,
  GetLogEventsCommandOutput,
  LogStream,
  PutLogEventsCommandInput,
  PutLogEventsCommandOutput,
  PutRetentionPolicyCommandInput,
  PutRetentionPolicyCommandOutput,
} from '@aws-sdk/client-cloudwatch-logs';

import type { Clock } from '../../platform/clock.ts';
import { groupExists, groupNotFound, invalid, streamExists, streamNotFound } from './errors.ts';
import { type GroupRecord, logFiles, type LogStore, noLogFiles, type StreamRecord } from './log-files.ts';
import { paged } from './paging.ts';
import { filterPage, readPage } from './read-events.ts';
import { type StoredEvent, STREAM_BOUNDS, type StreamBounds, StreamEvents } from './stream-events.ts';

type Answer<T> = Promise<Omit<T, '$metadata'>>;

interface Stream {
  record: StreamRecord;
  events: StreamEvents;
}

interface Group {
  record: GroupRecord;
  streams: Map<string, Stream>;
}

export interface LogsModelDeps {
  clock: Clock;
  /** The folder to keep logs in; without it they live as long as the process. */
  path?: string;
  bounds?: StreamBounds;
}

const GROUP_NAME = /^[\w./#-]{1,512}$/;
const STREAM_NAME = /^[^:*]{1,512}$/;
const RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 3653,
];

/**
 * CloudWatch Logs, as far as tasks write it and Tempus reads it. Names and shapes are those of the SDK's client.
 * Not modelled: filter patterns (refused), the deletion of events by retention (stored only), log classes and KMS.
 * Each stream keeps its newest events only, see STREAM_BOUNDS.
 */
export class LogsModel {
  readonly #clock: Clock;
  readonly #bounds: StreamBounds;
  readonly #store: LogStore;
  readonly #groups = new Map<string, Group>();

  constructor({ clock, path, bounds = STREAM_BOUNDS }: LogsModelDeps) {
    this.#clock = clock;
    this.#bounds = bounds;
    this.#store = path === undefined ? noLogFiles : logFiles(path);
    for (const { group, streams } of this.#store.load()) {
      const loaded = streams.map(({ stream, events }) => {
        return [stream.name, { record: stream, events: new StreamEvents(events, bounds) }] as const;
      });
      this.#groups.set(group.name, { record: group, streams: new Map(loaded) });
    }
  }

  /** Appends lines as events of now; makes the group and the stream when they are missing, as awslogs can. */
  put(groupName: string, streamName: string, lines: readonly string[]): void {
    const group = this.#groups.get(groupName) ?? this.#addGroup(groupName);
    const stream = group.streams.get(streamName) ?? this.#addStream(group, streamName);
    const now = this.#clock.now().getTime();
    this.#append(
      group,
      stream,
      lines.map((message) => ({ timestamp: now, message })),
    );
  }

  async createLogGroup(input: CreateLogGroupCommandInput): Answer<CreateLogGroupCommandOutput> {
    const name = input.logGroupName ?? '';
    if (!GROUP_NAME.test(name)) throw invalid("Value at 'logGroupName' failed to satisfy constraint");
    if (this.#groups.has(name)) throw groupExists();
    this.#addGroup(name);
    return {};
  }

  async describeLogGroups(input: DescribeLogGroupsCommandInput = {}): Answer<DescribeLogGroupsCommandOutput> {
    const groups = [...this.#groups.values()]
      .filter(({ record }) => record.name.startsWith(input.logGroupNamePrefix ?? ''))
      .toSorted((a, b) => (a.record.name < b.record.name ? -1 : 1));
    const { items, nextToken } = paged(groups, input);
    return {
      logGroups: items.map(({ record, streams }) => ({
        logGroupName: record.name,
        creationTime: record.created_at,
        ...(record.retention_days === undefined ? {} : { retentionInDays: record.retention_days }),
        arn: `${groupArn(record.name)}:*`,
        logGroupArn: groupArn(record.name),
        metricFilterCount: 0,
        storedBytes: [...streams.values()].reduce((sum, { events }) => sum + events.bytes, 0),
      })),
      ...nextToken,
    };
  }

  async putRetentionPolicy(input: PutRetentionPolicyCommandInput): Answer<PutRetentionPolicyCommandOutput> {
    const { record } = this.#group(input.logGroupName);
    const days = input.retentionInDays ?? 0;
    if (!RETENTION_DAYS.includes(days))
      throw invalid(`retentionInDays must be one of ${RETENTION_DAYS.join(', ')}`);
    record.retention_days = days;
    this.#store.saveGroup(record);
    return {};
  }

  async createLogStream(input: CreateLogStreamCommandInput): Answer<CreateLogStreamCommandOutput> {
    const group = this.#group(input.logGroupName);
    const name = input.logStreamName ?? '';
    if (!STREAM_NAME.test(name)) throw invalid("Value at 'logStreamName' failed to satisfy constraint");
    if (group.streams.has(name)) throw streamExists();
    this.#addStream(group, name);
    return {};
  }

  async describeLogStreams(input: DescribeLogStreamsCommandInput): Answer<DescribeLogStreamsCommandOutput> {
    const byTime = input.orderBy === 'LastEventTime';
    if (byTime && input.logStreamNamePrefix !== undefined) {
      throw invalid('Cannot order by LastEventTime with a logStreamNamePrefix.');
    }
    const streams = [...this.#group(groupNameOf(input)).streams.values()]
      .filter(({ record }) => record.name.startsWith(input.logStreamNamePrefix ?? ''))
      .toSorted((a, b) =>
        byTime ? lastEventOf(a) - lastEventOf(b) : a.record.name < b.record.name ? -1 : 1,
      );
    const { items, nextToken } = paged(input.descending ? streams.toReversed() : streams, input);
    return { logStreams: items.map((stream) => streamView(groupNameOf(input), stream)), ...nextToken };
  }

  async putLogEvents(input: PutLogEventsCommandInput): Answer<PutLogEventsCommandOutput> {
    const group = this.#group(input.logGroupName);
    const stream = streamOf(group, input.logStreamName);
    const events = (input.logEvents ?? []).map(({ timestamp = 0, message = '' }) => ({ timestamp, message }));
    if (events.length < 1 || events.length > 10_000) {
      throw invalid("Value at 'logEvents' must have between 1 and 10000 members");
    }
    if (events.some((event, i) => event.timestamp < (events[i - 1]?.timestamp ?? 0))) {
      throw invalid('Log events in a single PutLogEvents request must be in chronological order.');
    }
    this.#append(group, stream, events);
    return {};
  }

  async getLogEvents(input: GetLogEventsCommandInput): Answer<GetLogEventsCommandOutput> {
    return readPage(streamOf(this.#group(groupNameOf(input)), input.logStreamName).events.all, input);
  }

  async filterLogEvents(input: FilterLogEventsCommandInput): Answer<FilterLogEventsCommandOutput> {
    const group = this.#group(groupNameOf(input));
    if (input.filterPattern) throw invalid('Filter patterns are not modelled.');
    if (input.logStreamNames && input.logStreamNamePrefix !== undefined) {
      throw invalid('LogStreamNamePrefix and LogStreamNames are mutually exclusive parameters.');
    }
    const streams = input.logStreamNames
      ? input.logStreamNames.map((name) => streamOf(group, name))
      : [...group.streams.values()].filter(({ record }) =>
          record.name.startsWith(input.logStreamNamePrefix ?? ''),
        );
    return filterPage(
      streams.map(({ record, events }) => ({ name: record.name, events: events.all })),
      input,
    );
  }

  async deleteLogStream(input: DeleteLogStreamCommandInput): Answer<DeleteLogStreamCommandOutput> {
    const group = this.#group(input.logGroupName);
    const { record } = streamOf(group, input.logStreamName);
    group.streams.delete(record.name);
    this.#store.deleteStream(group.record.name, record.name);
    return {};
  }

  #group(name: string | undefined): Group {
    const group = this.#groups.get(name ?? '');
    if (!group) throw groupNotFound();
    return group;
  }

  #addGroup(name: string): Group {
    const group: Group = { record: { name, created_at: this.#clock.now().getTime() }, streams: new Map() };
    this.#store.saveGroup(group.record);
    this.#groups.set(name, group);
    return group;
  }

  #addStream(group: Group, name: string): Stream {
    const record = { name, created_at: this.#clock.now().getTime() };
    const stream = { record, events: new StreamEvents([], this.#bounds) };
    this.#store.rewrite(group.record.name, record, []);
    group.streams.set(name, stream);
    return stream;
  }

  #append(
    group: Group,
    { record, events }: Stream,
    incoming: readonly Pick<StoredEvent, 'timestamp' | 'message'>[],
  ): void {
    const now = this.#clock.now().getTime();
    const added = incoming.map(({ timestamp, message }) => events.append(timestamp, now, message));
    if (events.dropOldest()) this.#store.rewrite(group.record.name, record, events.all);
    else this.#store.append(group.record.name, record.name, added);
  }
}

function streamOf(group: Group, name: string | undefined): Stream {
  const stream = group.streams.get(name ?? '');
  if (!stream) throw streamNotFound();
  return stream;
}

function groupNameOf(input: {
  logGroupName?: string | undefined;
  logGroupIdentifier?: string | undefined;
}): string {
  const identifier = input.logGroupName ?? input.logGroupIdentifier ?? '';
  return identifier.replace(/^arn:aws:logs:[^:]*:\d*:log-group:/, '').replace(/:\*$/, '');
}

function lastEventOf({ events }: Stream): number {
  return events.all.at(-1)?.timestamp ?? 0;
}

function streamView(group: string, { record, events }: Stream): LogStream {
  const first = events.all[0];
  const last = events.all.at(-1);
  return {
    logStreamName: record.name,
    creationTime: record.created_at,
    arn: `${groupArn(group)}:log-stream:${record.name}`,
    storedBytes: 0, // as on AWS since 2019
    ...(first ? { firstEventTimestamp: first.timestamp } : {}),
    ...(last ? { lastEventTimestamp: last.timestamp, lastIngestionTime: last.ingestion_time } : {}),
  };
}

function groupArn(name: string): string {
  return `arn:aws:logs:us-east-1:000000000000:log-group:${name}`;
}
