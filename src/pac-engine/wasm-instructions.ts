import { readLeb } from './wasm-bytes.ts'

/** Opcodes that are looked for or written (WebAssembly core specification §5.4). */
export const OP = {
  unreachable: 0x00,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  brTable: 0x0e,
  return: 0x0f,
  call: 0x10,
  localGet: 0x20,
  localSet: 0x21,
  globalGet: 0x23,
  globalSet: 0x24,
  memorySize: 0x3f,
  memoryGrow: 0x40,
  i32Const: 0x41,
  i32Eqz: 0x45,
  i32Eq: 0x46,
  i32LtU: 0x49,
  i32GtU: 0x4b,
  i32GeU: 0x4f,
  i32Add: 0x6a,
  i32Sub: 0x6b,
  i32Mul: 0x6c,
  i32ShrU: 0x76,
  prefixed: 0xfc,
} as const

/** Behind the prefix. */
export const MEMORY_COPY = 10
export const MEMORY_FILL = 11

/** What stands behind an opcode: so many LEB128 numbers, or one of the others. */
const [NONE, ONE, TWO, LIST_AND_ONE, LIST, FOUR_BYTES, EIGHT_BYTES, PREFIXED, UNKNOWN] = [0, 1, 2, 3, 4, 5, 6, 7, 8]

/** By opcode. Vectors, exceptions and tail calls are not known: a module that has them must not be taken apart by guessing. */
const BEHIND = new Uint8Array(256).fill(UNKNOWN)
for (const [first, last, behind] of [
  [0x00, 0x01, NONE], // unreachable, nop
  [0x02, 0x04, ONE], // block, loop, if
  [0x05, 0x05, NONE], // else
  [0x0b, 0x0b, NONE], // end
  [0x0c, 0x0d, ONE], // br, br_if
  [0x0e, 0x0e, LIST_AND_ONE], // br_table
  [0x0f, 0x0f, NONE], // return
  [0x10, 0x10, ONE], // call
  [0x11, 0x11, TWO], // call_indirect
  [0x1a, 0x1b, NONE], // drop, select
  [0x1c, 0x1c, LIST], // select of a type
  [0x20, 0x26, ONE], // local.get … table.set
  [0x28, 0x3e, TWO], // loads and stores
  [0x3f, 0x42, ONE], // memory.size, memory.grow, i32.const, i64.const
  [0x43, 0x43, FOUR_BYTES], // f32.const
  [0x44, 0x44, EIGHT_BYTES], // f64.const
  [0x45, 0xc4, NONE], // on numbers
  [0xd0, 0xd0, ONE], // ref.null
  [0xd1, 0xd1, NONE], // ref.is_null
  [0xd2, 0xd2, ONE], // ref.func
  [0xfc, 0xfc, PREFIXED],
] as const)
  BEHIND.fill(behind, first, last + 1)

/** Behind the prefix and a number: how many indices. 0 to 7 convert numbers, 8 to 17 are about memories and tables. */
const INDICES = [0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 2, 1, 2, 1, 2, 1, 1, 1]

/** Where the instruction at `at` ends. Throws on one that is not known. */
export function skipInstruction(code: Uint8Array, at: number): number {
  const behind = BEHIND[code[at] ?? 0]
  switch (behind) {
    case NONE:
      return at + 1
    case ONE:
      return skipLebs(code, at + 1, 1)
    case TWO:
      return skipLebs(code, at + 1, 2)
    case LIST:
    case LIST_AND_ONE: {
      const { value: count, next } = readLeb(code, at + 1)
      return skipLebs(code, next, behind === LIST ? count : count + 1)
    }
    case FOUR_BYTES:
      return at + 5
    case EIGHT_BYTES:
      return at + 9
    case PREFIXED: {
      const { value: number, next } = readLeb(code, at + 1)
      const indices = INDICES[number]
      if (indices !== undefined) return skipLebs(code, next, indices)
    }
  }
  throw new Error(`the QuickJS module has an instruction that is not known, 0x${(code[at] ?? 0).toString(16)}`)
}

function skipLebs(code: Uint8Array, at: number, count: number): number {
  for (; count > 0; count--) {
    while ((code[at] ?? 0) >= 0x80) at++
    at++
  }
  return at
}
