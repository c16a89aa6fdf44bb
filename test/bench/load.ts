import { connect, type Socket } from 'node:net';

/** What a number of kept connections got in a while. Times are milliseconds. */
export interface Load {
  requests: number;
  per_second: number;
  p50: number;
  p99: number;
}

/** Each connection sends its next request when it has the whole answer to the one before. Rejects on anything but 200. */
export async function load(port: number, host: string, connections: number, ms: number): Promise<Load> {
  const times: number[] = [];
  const until = performance.now() + ms;
  const began = performance.now();
  await Promise.all(Array.from({ length: connections }, () => one(port, host, until, times)));
  const took = performance.now() - began;
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(times.length * share)] ?? 0;
  return { requests: times.length, per_second: (times.length / took) * 1000, p50: at(0.5), p99: at(0.99) };
}

function one(port: number, host: string, until: number, times: number[]): Promise<void> {
  const request = `GET / HTTP/1.1\r\nhost: ${host}\r\n\r\n`;
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(port, '127.0.0.1');
    socket.setNoDelay(true);
    let sent = 0;
    let text = '';
    const next = () => {
      text = '';
      sent = performance.now();
      socket.write(request);
    };
    socket.on('connect', next).on('error', reject);
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
      const length = lengthOf(text);
      if (length === undefined || text.length < length) return;
      if (!text.startsWith('HTTP/1.1 200')) return (socket.destroy(new Error(text.slice(0, 100))), undefined);
      const now = performance.now();
      times.push(now - sent);
      if (now < until) return next();
      socket.end();
      resolve();
    });
  });
}

/** How long the whole answer is, once its head is there. */
function lengthOf(text: string): number | undefined {
  const head = text.indexOf('\r\n\r\n');
  if (head < 0) return undefined;
  const [, length] = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, head)) ?? [];
  if (length !== undefined) return head + 4 + Number(length);
  const end = text.indexOf('\r\n0\r\n\r\n', head);
  return end < 0 ? undefined : end + 7;
}
