import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';

import { type ContainerLaunch, TaskStartError } from '../task-runtime.ts';

/** What stands in for a container image: a program of this machine. */
export interface ProcessImage {
  /** argv; empty when every launch must bring its own. */
  command: string[];
  workdir?: string;
}

export interface ProcessCommand {
  /** An absolute path, so that no word of it can mean a shell builtin. */
  executable: string;
  args: string[];
  workdir: string;
}

/** Which program a launch means. Throws TaskStartError with a reason for people when there is none. */
export function resolveCommand(
  launch: Pick<ContainerLaunch, 'image' | 'entryPoint' | 'command' | 'workdir'>,
  images: Readonly<Record<string, ProcessImage>>,
  searchPath: string,
): ProcessCommand {
  const image = Object.hasOwn(images, launch.image) ? images[launch.image] : undefined;
  if (!image) {
    throw cannotStart(
      `NoContainerEngine: image ${launch.image} needs a container engine and none is configured`,
    );
  }
  const [program, ...args] = [...(launch.entryPoint ?? []), ...(launch.command ?? image.command)];
  if (program === undefined) throw cannotStart(`image ${launch.image} has no command of its own`);
  const workdir = launch.workdir ?? image.workdir ?? '/';
  if (!isDirectory(workdir)) throw cannotStart(`the working directory ${workdir} does not exist`);
  const executable = findExecutable(program, workdir, searchPath);
  if (executable === undefined) {
    throw cannotStart(`exec: "${program}": executable file not found`);
  }
  return { executable, args, workdir };
}

export function cannotStart(reason: string): TaskStartError {
  return new TaskStartError(`CannotStartContainerError: ${reason}`);
}

function findExecutable(program: string, workdir: string, searchPath: string): string | undefined {
  const candidates = program.includes('/')
    ? [isAbsolute(program) ? program : resolve(workdir, program)]
    : searchPath.split(delimiter).map((folder) => resolve(workdir, join(folder, program)));
  return candidates.find(isExecutable);
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false; // not there, or not ours to run: both mean "look further"
  }
}
