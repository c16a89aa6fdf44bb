import { expect, onTestFinished, test, vi } from 'vitest';
import { createClients } from '../aws/clients.ts';
import { observe, type Observed } from '../lambda/observe.ts';
import { startCloud } from '../localcloud/cloud.ts';
import type { CloudEvent } from '../localcloud/events/event.ts';
import { systemClock as clock } from '../platform/clock.ts';
import { silentLog as log } from '../platform/log.ts';
import { systemRandom as random } from '../platform/random.ts';
import { draftPreview } from '../preview/draft.ts';
import { markedAt } from '../preview/observation.ts';
import { PreviewStore } from '../preview/store.ts';
import { previewsTable } from '../preview/tables.ts';
import { FakeRuntime } from './fakes/fake-runtime.ts';
import { FixedRealism } from './fakes/realism.ts';

const CLUSTER = 'tempus';
const UID = '550e8400-e29b-41d4-a716-446655440000';

/** AWS without delays, in which every event comes twice. */
class Doubling extends FixedRealism {
  override duplicates(): boolean {
    return true;
  }
}

test('on localcloud a preview is marked by what ECS does, once for each event that matters, however often it comes', async () => {
  let store: PreviewStore | undefined;
  let unreachable = 2;
  const outcomes: { event: CloudEvent; outcome: Observed }[] = [];
  const cloud = await startCloud({
    clock,
    random,
    log,
    host: '127.0.0.1',
    awsPort: 0,
    listenerPorts: 'any',
    runtime: new FakeRuntime(),
    functions: {},
    realism: new Doubling({ clock }),
    events: async (event) => {
      if (!store) return;
      // EventBridge delivers again what the function did not take.
      if ((unreachable -= 1) >= 0) throw new Error('not now');
      outcomes.push({ event, outcome: await observe(event, { store, cluster: CLUSTER, log }) });
    },
  });
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const clients = createClients({
    region: 'us-east-1',
    endpoint: cloud.endpoint,
    credentials,
  });
  const { ecs, dynamodb, document } = clients;
  onTestFinished(async () => {
    clients.destroy();
    await cloud.stop();
  });
  await dynamodb.createTable(previewsTable('previews'));
  store = new PreviewStore({ client: document, table: 'previews' });
  const spec = {
    image: 'i',
    port: 80,
    cpu: 256 as const,
    memory: 512,
    env: {},
    health_path: '/',
    health_codes: '200',
  };
  const who = { preview_id: UID, owner: 'local', labels: {}, source: {}, urls: [] };
  const draft = draftPreview({ ...who, spec, ttl_hours: 1 }, clock.now());
  await store.create(draft);

  await ecs.createCluster({ clusterName: CLUSTER });
  const name = 'tempus-550e8400';
  const shared = { networkMode: 'awsvpc' as const, cpu: '256', memory: '512' };
  const containerDefinitions = [{ name: 'web', image: 'any' }];
  await ecs.registerTaskDefinition({ family: name, ...shared, containerDefinitions });
  const service = {
    cluster: CLUSTER,
    taskDefinition: name,
    desiredCount: 1,
    networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-1'] } },
  };
  await ecs.createService({ ...service, serviceName: name });
  const count = (wanted: Observed) => outcomes.filter(({ outcome }) => outcome === wanted).length;
  await vi.waitFor(() => expect(count('observed')).toBe(1), 10_000);
  const first = (await store.get(UID))?.observed_event;
  // A second passes between what comes up and what goes: marks are as fine as EventBridge's times.
  await vi.waitFor(
    () => expect(clock.now().getTime()).toBeGreaterThan((markedAt(first) ?? 0) + 1_000),
    3_000,
  );
  await ecs.deleteService({ cluster: CLUSTER, service: name, force: true });
  await vi.waitFor(() => expect(count('observed')).toBe(2), 10_000);
  await vi.waitFor(() => expect(count('nothing new')).toBe(2), 10_000);

  const marks = outcomes.flatMap(({ outcome, event }) => (outcome === 'observed' ? [event] : []));
  expect(marks.map(({ detail }) => detail['eventName'] ?? detail['lastStatus'])).toEqual([
    'SERVICE_DEPLOYMENT_COMPLETED',
    'STOPPED',
  ]);
  const last = marks.at(-1)!;
  expect(await store.get(UID)).toEqual({ ...draft, observed_event: `${last.time}#${last.id}` });
  expect(count('malformed')).toBe(0);
});
