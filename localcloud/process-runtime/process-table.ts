import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** One running process, as far as we need to recognise our own. Zombies are not listed: they run nothing. */
export interface ProcessEntry {
  pid: number;
  pgid: number;
  /** argv joined by spaces. */
  args: string;
}

/** Every process of this machine. Linux is read from /proc, because slim images come without `ps`. */
export function listProcesses(platform: NodeJS.Platform): Promise<ProcessEntry[]> {
  return platform === 'linux' ? fromProc() : fromPs();
}

async function fromProc(): Promise<ProcessEntry[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const entries = await Promise.all(pids.map(readProc));
  return entries.filter((entry) => entry !== undefined);
}

async function readProc(pid: string): Promise<ProcessEntry | undefined> {
  try {
    const [stat, cmdline] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile(`/proc/${pid}/cmdline`, 'utf8'),
    ]);
    // "pid (name) state ppid pgrp …": the name may itself hold spaces and parentheses.
    const [state, , pgid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z' || state === 'X') return undefined;
    return { pid: Number(pid), pgid: Number(pgid), args: cmdline.replaceAll('\0', ' ').trimEnd() };
  } catch {
    return undefined; // it ended while we were reading
  }
}

async function fromPs(): Promise<ProcessEntry[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-ww', '-o', 'pid=,pgid=,stat=,args='], {
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout.split('\n').flatMap((line) => {
    const [, pid, pgid, state, args] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    if (args === undefined || state?.startsWith('Z')) return [];
    return [{ pid: Number(pid), pgid: Number(pgid), args }];
  });
}
