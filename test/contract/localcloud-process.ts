/**
 * localcloud as a process of its own, which shares nothing but its URL with whoever uses it: it prints the URL and
 * serves until its parent is gone. It keeps everything in the folder of its first argument, or in memory, and listens
 * on the port of its second. A message with the name of a table splits the open shards of its stream, which no call of
 * AWS's can.
 */
import { startCloud } from '../../localcloud/cloud.ts';
import { systemClock as clock } from '../../platform/clock.ts';
import { silentLog as log } from '../../platform/log.ts';
import { systemRandom as random } from '../../platform/random.ts';
import { FakeRuntime } from '../fakes/fake-runtime.ts';

const [path = '', port = '0'] = process.argv.slice(2);
const cloud = await startCloud({
  clock,
  random,
  log,
  ...(path === '' ? {} : { path }),
  host: '127.0.0.1',
  awsPort: Number(port),
  listenerPorts: 'any',
  runtime: new FakeRuntime(),
  functions: {},
});
process.on('message', (table: string) => {
  void cloud.database.rollShards(table, 2).then(() => process.send?.('split'));
});
process.once('disconnect', () => void cloud.stop().then(() => process.exit()));
process.send?.(cloud.endpoint);
