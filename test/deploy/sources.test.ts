import { join, relative } from 'node:path';
import { rolldown } from 'rolldown';
import { expect, test } from 'vitest';
import { FUNCTIONS, PROGRAMS } from '../../deploy/build.ts';
import { SOURCES } from '../../deploy/sources.ts';
import { ROOT } from '../e2e/laptop-process.ts';

test.each([...Object.values(PROGRAMS), ...Object.values(FUNCTIONS)])(
  'deploy sees a change of any file that goes into %s',
  async (input) => {
    const build = await rolldown({ input: join(ROOT, input), platform: 'node' });
    const { output } = await build.generate({ format: 'esm', codeSplitting: false });
    await build.close();
    const modules = output[0].moduleIds.map((id) => relative(ROOT, id));
    const own = modules.filter((file) => !/node_modules\/|\0|rolldown/.test(file));
    expect(own).toContain(input);
    const isSeen = (file: string) => SOURCES.some((place) => file === place || file.startsWith(`${place}/`));
    expect(own.filter((file) => !isSeen(file))).toEqual([]);
  },
);
