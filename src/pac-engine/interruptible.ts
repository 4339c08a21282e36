import { setImmediate } from 'node:timers/promises'
import { concat, leb, readLeb, signedLeb } from './wasm-bytes.ts'
import { MEMORY_COPY, MEMORY_FILL, OP, skipInstruction } from './wasm-instructions.ts'
import {
  counted,
  find,
  I32,
  longer,
  MUTABLE,
  readFunctions,
  readImports,
  readSections,
  SECTION,
  type Section,
  skipLocals,
  writeSections,
} from './wasm-sections.ts'

/**
 * Turns of loops, in built-ins, between two looks at the time: a fraction of a millisecond. A look costs a tenth of a microsecond.
 */
const TURNS = 20_000
/** Bytes that are filled or copied at once count as one turn for so many bits of their number. */
const BYTES_PER_TURN_BITS = 6

/**
 * The number of ways out from which a jump table of the longest function is taken for the interpreter's own: one for each of QuickJS's operations. The loop around
 * it is left as it is: it asks by itself at each jump and each call of the script, and would become a tenth slower.
 */
const INTERPRETER_TARGETS = 200

/** Bytes of code that one turn of the event loop takes apart: the whole megabyte takes a tenth of a second, and others are to have their turns between. */
const BYTES_IN_A_TURN = 16_384

export interface Interruptible {
  readonly wasm: Uint8Array<ArrayBuffer>
  /** Loops that ask now. */
  readonly guarded: number
}

/**
 * QuickJS asks whether it is to stop only where a script jumps or calls: `[].indexOf` on a length of 2^32 runs for as long as it likes, and so does `repeat`. This
 * rewrites the module so that every loop in it asks now and then, and ends in a trap when it is to stop. Nothing of what it was doing can be used
 * after that; the VM is put back to what it was. The answer to whether it is to stop is the one QuickJS itself asks for, `env.host_interrupt`.
 */
export async function interruptible(wasm: Uint8Array): Promise<Interruptible> {
  const sections = readSections(wasm)
  const types = counted(sections, SECTION.type)
  const functions = counted(sections, SECTION.function)
  const globals = counted(sections, SECTION.global)
  const imports = readImports(find(sections, SECTION.import))
  const interrupt = imports.named.get('env.host_interrupt')
  if (interrupt === undefined) throw new Error('the QuickJS module does not import env.host_interrupt')
  const fuel = imports.globals + globals.count
  const [look, spend] = [imports.functions + functions.count, imports.functions + functions.count + 1]
  const guard = [
    ...get(fuel),
    OP.i32Eqz,
    OP.if,
    NOTHING,
    OP.call,
    ...leb(look),
    OP.end,
    ...less(fuel, [OP.i32Const, 1]),
  ]
  const code = await rewriteCode(
    find(sections, SECTION.code),
    guard,
    [OP.call, ...leb(spend)],
    [lookBody(fuel, interrupt), spendBody(fuel, look)],
  )
  const rewritten = sections
    // What they say of places in the code would be wrong.
    .filter(({ id }) => id !== SECTION.custom)
    .map((section): Section => {
      switch (section.id) {
        case SECTION.type:
          return longer(section, types, 2, [0x60, 0, 0, 0x60, 1, I32, 1, I32])
        case SECTION.function:
          return longer(section, functions, 2, [...leb(types.count), ...leb(types.count + 1)])
        case SECTION.global:
          return longer(section, globals, 1, [I32, MUTABLE, OP.i32Const, 0, OP.end])
        case SECTION.code:
          return { id: section.id, body: code.body }
        default:
          return section
      }
    })
  return { wasm: writeSections(wasm, rewritten), guarded: code.guarded }
}

/** A block without a value. */
const NOTHING = 0x40

function get(global: number): number[] {
  return [OP.globalGet, ...leb(global)]
}

function less(global: number, amount: readonly number[]): number[] {
  return [...get(global), ...amount, OP.i32Sub, OP.globalSet, ...leb(global)]
}

/** `() -> ()`: to be called when nothing is left. */
function lookBody(fuel: number, interrupt: number): number[] {
  const body = [0, OP.call, ...leb(interrupt), OP.if, NOTHING, OP.unreachable, OP.end]
  return [...body, OP.i32Const, ...signedLeb(TURNS), OP.globalSet, ...leb(fuel), OP.end]
}

/** `(bytes) -> bytes`: before they are filled or copied. */
function spendBody(fuel: number, look: number): number[] {
  const turns = [OP.localGet, 0, OP.i32Const, BYTES_PER_TURN_BITS, OP.i32ShrU]
  const enough = [...turns, ...get(fuel), OP.i32GeU, OP.if, NOTHING, OP.call, ...leb(look), OP.else]
  return [0, ...enough, ...less(fuel, turns), OP.end, OP.localGet, 0, OP.end]
}

async function rewriteCode(
  body: Uint8Array,
  guard: readonly number[],
  spend: readonly number[],
  added: readonly (readonly number[])[],
): Promise<{ body: Uint8Array; guarded: number }> {
  const functions = readFunctions(body)
  const interpreter = functions.reduce((longest, one) => (one.length > longest.length ? one : longest))
  const parts: (Uint8Array | readonly number[])[] = [leb(functions.length + added.length)]
  let [guarded, since] = [0, 0]
  for (const code of functions) {
    since += code.length
    if (since > BYTES_IN_A_TURN) {
      since = 0
      await setImmediate()
    }
    const pieces: (Uint8Array | readonly number[])[] = []
    let from = 0
    for (const { at, loop } of placesIn(code, code === interpreter)) {
      pieces.push(code.subarray(from, at), loop ? guard : spend)
      from = at
      if (loop) guarded++
    }
    pieces.push(code.subarray(from))
    parts.push(leb(pieces.reduce((length, piece) => length + piece.length, 0)), ...pieces)
  }
  for (const one of added) parts.push(leb(one.length), one)
  return { body: concat(parts), guarded }
}

interface Place {
  readonly at: number
  /** A loop's first instruction; otherwise one that fills or copies bytes. */
  readonly loop: boolean
}

/** In their order. */
function placesIn(code: Uint8Array, isInterpreter: boolean): Place[] {
  let places: Place[] = []
  /** Of each open block: where its first instruction stands if it is a loop. */
  const open: (number | undefined)[] = []
  for (let at = skipLocals(code); at < code.length; ) {
    const next = skipInstruction(code, at)
    switch (code[at]) {
      case OP.loop:
        places.push({ at: next, loop: true })
        open.push(next)
        break
      case OP.block:
      case OP.if:
        open.push(undefined)
        break
      case OP.end:
        open.pop()
        break
      case OP.brTable: {
        if (!isInterpreter || readLeb(code, at + 1).value < INTERPRETER_TARGETS) break
        const around = open.findLast((one) => one !== undefined)
        places = places.filter((place) => place.at !== around)
        break
      }
      case OP.prefixed: {
        const { value: number } = readLeb(code, at + 1)
        if (number === MEMORY_COPY || number === MEMORY_FILL) places.push({ at, loop: false })
      }
    }
    at = next
  }
  return places
}
