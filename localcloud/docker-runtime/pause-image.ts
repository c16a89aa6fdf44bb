import { createHash } from 'node:crypto';

import { DockerError, type DockerCli } from './docker-cli.ts';
import { pauseBinary } from './pause-binary.ts';

const BLOCK_BYTES = 512;

/** Answers the name of the image that holds a task's network; makes it first where this engine has none. */
export async function ensurePauseImage(docker: DockerCli, architecture: string): Promise<string> {
  const binary = pauseBinary(architecture);
  if (!binary) throw new DockerError('refused', `there is no pause program for ${architecture}`);
  const name = `tempus/pause:${createHash('sha256').update(binary).digest('hex').slice(0, 12)}`;
  try {
    await docker.run(['image', 'inspect', '--format', '{{.Id}}', name]);
  } catch (error) {
    if (!(error instanceof DockerError) || error.kind !== 'absent') throw error;
    await docker.run(['import', '--change', 'ENTRYPOINT ["/pause"]', '-', name], {
      input: tarOf('pause', binary),
    });
  }
  return name;
}

/** A tar archive of one executable file: a ustar header, the file in whole blocks, and two empty blocks. */
function tarOf(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(BLOCK_BYTES);
  header.write(name, 0);
  header.write('0000755\0', 100); // mode
  header.write('0000000\0', 108); // owner
  header.write('0000000\0', 116); // group
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136); // modified: the same image every time
  header.write(' '.repeat(8), 148); // the checksum counts itself as spaces
  header.write('0', 156); // a file
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const padding = Buffer.alloc(BLOCK_BYTES - (content.length % BLOCK_BYTES));
  return Buffer.concat([header, content, padding, Buffer.alloc(2 * BLOCK_BYTES)]);
}
