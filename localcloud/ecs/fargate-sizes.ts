import { refused } from './errors.ts';

/** CPU units → smallest, largest and step of memory in MiB, from the developer guide. 32 vCPU is not modelled. */
const SIZES: Readonly<Record<number, readonly [min: number, max: number, step: number]>> = {
  256: [512, 2048, 512],
  512: [1024, 4096, 1024],
  1024: [2048, 8192, 1024],
  2048: [4096, 16_384, 1024],
  4096: [8192, 30_720, 1024],
  8192: [16_384, 61_440, 4096],
  16_384: [32_768, 122_880, 8192],
};

export interface FargateSize {
  cpu: number;
  memory: number;
}

/** Parses the sizes of a Fargate task; throws for those that Fargate does not sell. */
export function fargateSize(cpuText: string | undefined, memoryText: string | undefined): FargateSize {
  if (cpuText === undefined) throw refused("Fargate requires that 'cpu' be defined at the task level.");
  if (memoryText === undefined) throw refused("Fargate requires that 'memory' be defined at the task level.");
  const cpu = units(cpuText, /^([\d.]+) ?vcpu$/i);
  const memory = units(memoryText, /^([\d.]+) ?gb$/i);
  const [min, max, step] = SIZES[cpu] ?? [1, 0, 1];
  // 256 CPU units are sold with 512, 1024 and 2048 MiB, but not with 1536.
  const sold = memory >= min && memory <= max && (memory - min) % step === 0 && memory !== 1536;
  if (!sold) throw refused('No Fargate configuration exists for given values.');
  return { cpu, memory };
}

function units(text: string, inThousands: RegExp): number {
  const [, thousands] = inThousands.exec(text) ?? [];
  if (thousands !== undefined) return Number(thousands) * 1024;
  return /^\d+$/.test(text) ? Number(text) : Number.NaN;
}
