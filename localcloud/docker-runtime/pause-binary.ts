/**
 * A whole program in 129 and 148 bytes: an ELF header, one program header, and a loop around a system call that
 * waits for a signal. It holds the network of a task for as long as the task lives, and comes from no registry.
 */
export function pauseBinary(architecture: string): Buffer | undefined {
  const program = PROGRAMS[architecture];
  return program && elf(program);
}

interface Program {
  /** e_machine. */
  machine: number;
  /** Instructions, in hexadecimal. */
  code: readonly string[];
}

const X86_64: Program = {
  machine: 62,
  code: [
    'b8 22 00 00 00', // mov eax, 34 (pause)
    '0f 05', //                   syscall
    'eb f7', //                   jmp to the start
  ],
};

/** arm64 has no pause(2): ppoll(2) of nothing, for ever, is the same. */
const AARCH64: Program = {
  machine: 183,
  code: [
    'e0 03 1f aa', // mov x0, xzr: no descriptors
    'e1 03 1f aa', // mov x1, xzr: none of them
    'e2 03 1f aa', // mov x2, xzr: no timeout
    'e3 03 1f aa', // mov x3, xzr: no signal mask
    '28 09 80 d2', // mov x8, 73 (ppoll)
    '01 00 00 d4', // svc 0
    'fa ff ff 17', // b to the start
  ],
};

const PROGRAMS: Readonly<Record<string, Program>> = {
  x86_64: X86_64,
  amd64: X86_64,
  aarch64: AARCH64,
  arm64: AARCH64,
};

const HEADER_BYTES = 64;
const SEGMENT_BYTES = 56;
const BASE = 0x400000n;

function elf({ machine, code }: Program): Buffer {
  const start = HEADER_BYTES + SEGMENT_BYTES;
  const text = Buffer.from(code.join('').replaceAll(' ', ''), 'hex');
  const file = Buffer.alloc(start + text.length);
  file.write('\x7fELF\x02\x01\x01', 'latin1'); //          64 bits, little endian, version 1
  file.writeUInt16LE(2, 16); //                            e_type: executable
  file.writeUInt16LE(machine, 18);
  file.writeUInt32LE(1, 20); //                            e_version
  file.writeBigUInt64LE(BASE + BigInt(start), 24); //      e_entry: right after the headers
  file.writeBigUInt64LE(BigInt(HEADER_BYTES), 32); //      e_phoff
  file.writeUInt16LE(HEADER_BYTES, 52);
  file.writeUInt16LE(SEGMENT_BYTES, 54);
  file.writeUInt16LE(1, 56); //                            one segment
  file.writeUInt16LE(64, 58); //                           the size of a section header, of which there are none
  file.writeUInt32LE(1, HEADER_BYTES); //                  PT_LOAD
  file.writeUInt32LE(5, HEADER_BYTES + 4); //              readable and executable
  file.writeBigUInt64LE(BASE, HEADER_BYTES + 16);
  file.writeBigUInt64LE(BASE, HEADER_BYTES + 24);
  file.writeBigUInt64LE(BigInt(file.length), HEADER_BYTES + 32);
  file.writeBigUInt64LE(BigInt(file.length), HEADER_BYTES + 40);
  file.writeBigUInt64LE(0x10000n, HEADER_BYTES + 48); //   aligned to the largest page there is
  file.set(text, start);
  return file;
}
