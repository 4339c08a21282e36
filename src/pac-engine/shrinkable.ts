import { concat, leb, readLeb, signedLeb } from './wasm-bytes.ts'
import { MEMORY_FILL, OP, skipInstruction } from './wasm-instructions.ts'
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

/** The exported global with the number of pages that the module takes its memory to have. */
export const PAGES = 'fairlead_pages'

const PAGE_BYTES = 65_536
/** Pages that a memory can have at all. */
const MOST_PAGES = 65_536

/**
 * A WebAssembly memory cannot shrink, so a VM that has grown could not be put back to what it was, and making one takes tens of milliseconds. This
 * rewrites the module so that it asks a global how large its memory is, which can be set back: what lies beyond is used again, cleared, when it grows again.
 */
export function shrinkable(wasm: Uint8Array): Uint8Array<ArrayBuffer> {
  const sections = readSections(wasm)
  const types = counted(sections, SECTION.type)
  const functions = counted(sections, SECTION.function)
  const globals = counted(sections, SECTION.global)
  const exports = counted(sections, SECTION.export)
  const imports = readImports(find(sections, SECTION.import))
  const pages = imports.globals + globals.count
  const grow = imports.functions + functions.count
  // One memory, and behind its flag the pages that it has at first.
  const atFirst = readLeb(find(sections, SECTION.memory), 2).value
  const name = new TextEncoder().encode(PAGES)
  const rewritten = sections.map((section): Section => {
    switch (section.id) {
      case SECTION.type:
        return longer(section, types, 1, [0x60, 1, I32, 1, I32])
      case SECTION.function:
        return longer(section, functions, 1, leb(types.count))
      case SECTION.global:
        return longer(section, globals, 1, [I32, MUTABLE, OP.i32Const, ...signedLeb(atFirst), OP.end])
      case SECTION.export:
        return longer(section, exports, 1, [...leb(name.length), ...name, EXPORTED_GLOBAL, ...leb(pages)])
      case SECTION.code:
        return { id: section.id, body: rewriteCode(section.body, pages, grow) }
      default:
        return section
    }
  })
  return writeSections(wasm, rewritten)
}

const EXPORTED_GLOBAL = 3

function rewriteCode(body: Uint8Array, pages: number, grow: number): Uint8Array {
  const functions = readFunctions(body)
  let found = 0
  const codes = functions.map((code) => {
    if (!mayAsk(code)) return code
    const pieces: (Uint8Array | readonly number[])[] = []
    let from = 0
    for (let at = skipLocals(code); at < code.length; ) {
      const next = skipInstruction(code, at)
      const instead =
        code[at] === OP.memorySize
          ? [OP.globalGet, ...leb(pages)]
          : code[at] === OP.memoryGrow
            ? [OP.call, ...leb(grow)]
            : undefined
      if (instead) {
        pieces.push(code.subarray(from, at), instead)
        from = next
        found++
      }
      at = next
    }
    return concat([...pieces, code.subarray(from)])
  })
  if (found === 0) throw new Error('the QuickJS module never asks for memory')
  const all = [...codes, growBody(pages)]
  return concat([leb(all.length), ...all.flatMap((code) => [leb(code.length), code])])
}

/** Cheap: taking every function apart would take a tenth of a second. */
function mayAsk(code: Uint8Array): boolean {
  const bytes = Buffer.from(code.buffer, code.byteOffset, code.length)
  return bytes.includes(SIZE) || bytes.includes(GROW)
}

/** Of the one memory. */
const SIZE = Buffer.from([OP.memorySize, 0])
const GROW = Buffer.from([OP.memoryGrow, 0])

/** `(more pages) -> pages before, or -1`, as `memory.grow`. */
function growBody(pages: number): number[] {
  const [more, old, end] = [0, 1, 2]
  const get = (local: number) => [OP.localGet, local]
  const minusOne = [OP.i32Const, 0x7f]
  const nothing = 0x40
  return [
    ...[1, 2, I32], // two locals
    ...[OP.globalGet, ...leb(pages), OP.localSet, old],
    ...[...get(more), OP.i32Const, ...signedLeb(MOST_PAGES), OP.i32GtU, OP.if, nothing, ...minusOne, OP.return, OP.end],
    ...[...get(old), ...get(more), OP.i32Add, OP.localSet, end],
    ...[OP.memorySize, 0, ...get(end), OP.i32LtU, OP.if, nothing],
    ...[...get(end), OP.memorySize, 0, OP.i32Sub, OP.memoryGrow, 0, ...minusOne, OP.i32Eq],
    ...[OP.if, nothing, ...minusOne, OP.return, OP.end, OP.end],
    ...[...get(old), OP.i32Const, ...signedLeb(PAGE_BYTES), OP.i32Mul, OP.i32Const, 0],
    ...[...get(more), OP.i32Const, ...signedLeb(PAGE_BYTES), OP.i32Mul, OP.prefixed, MEMORY_FILL, 0],
    ...[...get(end), OP.globalSet, ...leb(pages), ...get(old), OP.end],
  ]
}
