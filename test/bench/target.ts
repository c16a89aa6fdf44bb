import { createServer } from 'node:http';

/** A target that does nothing, so that all the rest of the time is the way to it. Tells its port to its parent. */
const server = createServer((_request, response) => {
  response.setHeader('content-type', 'text/plain');
  response.end('hello\n');
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') process.send?.(address.port);
});
process.once('disconnect', () => process.exit(0));
