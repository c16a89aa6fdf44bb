import type { ContainerLaunch, TaskLaunch } from '../task-runtime.ts';
import type { Engine } from './engine.ts';
import { CONTAINER_LABEL, containerName, INSTALL_LABEL, labelArgs, pauseName, TASK_LABEL } from './labels.ts';

/** The engine's word for each of Fargate's processors. */
export const PLATFORMS: Readonly<Record<NonNullable<TaskLaunch['arch']>, string>> = {
  X86_64: 'linux/amd64',
  ARM64: 'linux/arm64',
};

const CPU_UNITS = 1024;
/** Enough for any server, and an end to a fork bomb before it is the machine's. */
const PIDS = 2048;

/**
 * Docker's default capabilities, which are Fargate's, without two that would reach out of a task: NET_RAW forges
 * packets on the bridge that all tasks share, MKNOD makes device files.
 */
const CAPABILITIES = [
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
];

/** Nobody keeps what is not awslogs, and a container cannot fill the disk by talking: lines are read as they come. */
const CONFINED = ['--security-opt=no-new-privileges', '--cap-drop=ALL', '--log-driver=none', '--pull=never'];

/** `docker run` of the container that holds the task's network and publishes its ports to this machine alone. */
export function pauseArgs(launch: TaskLaunch, install: string, image: string, network: string): string[] {
  const ports = new Set(launch.containers.flatMap((container) => container.ports));
  return [
    'run',
    '--detach',
    `--name=${pauseName(launch.taskId)}`,
    ...labelArgs({ [INSTALL_LABEL]: install, [TASK_LABEL]: launch.taskId }),
    `--network=${network}`,
    ...[...ports].map((port) => `--publish=127.0.0.1::${port}`),
    ...CONFINED,
    '--read-only',
    '--user=65534:65534',
    '--pids-limit=8',
    image,
  ];
}

export interface ContainerPlan {
  install: string;
  launch: TaskLaunch;
  container: ContainerLaunch;
  engine: Engine;
  envArgs: readonly string[];
}

/** `docker create` of one container in the network of its task. */
export function containerArgs({ install, launch, container, engine, envArgs }: ContainerPlan): string[] {
  const { taskId } = launch;
  // On Fargate a container without a limit of its own may use all of the task's.
  const megabytes = container.memory ?? launch.memory;
  const cpus = Math.min((container.cpu ?? launch.cpu) / CPU_UNITS, engine.cpus);
  const [program, ...first] = container.entryPoint ?? [];
  return [
    'create',
    `--name=${containerName(taskId, container.name)}`,
    ...labelArgs({
      [INSTALL_LABEL]: install,
      [TASK_LABEL]: taskId,
      [CONTAINER_LABEL]: container.name,
    }),
    `--network=container:${pauseName(taskId)}`,
    ...(launch.arch === undefined ? [] : [`--platform=${PLATFORMS[launch.arch]}`]),
    `--cpus=${cpus}`,
    `--memory=${megabytes}m`,
    `--memory-swap=${megabytes}m`,
    `--pids-limit=${PIDS}`,
    ...CONFINED,
    ...CAPABILITIES.map((name) => `--cap-add=${name}`),
    ...(program === undefined ? [] : [`--entrypoint=${program}`]),
    ...(container.workdir === undefined ? [] : [`--workdir=${container.workdir}`]),
    ...envArgs,
    container.image,
    ...first,
    ...(container.command ?? []),
  ];
}
