import { concat, leb, readLeb } from './wasm-bytes.ts'

/** The type of a number, and that a global can be changed (§5.3). */
export const I32 = 0x7f
export const MUTABLE = 1

export interface Section {
  readonly id: number
  readonly body: Uint8Array
}

/** The magic number and the version. */
export const HEADER_BYTES = 8
/** Section numbers, §5.5.2. */
export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  memory: 5,
  global: 6,
  export: 7,
  code: 10,
} as const

export function readSections(wasm: Uint8Array): Section[] {
  const sections: Section[] = []
  for (let at = HEADER_BYTES; at < wasm.length; ) {
    const id = wasm[at++] ?? 0
    const { value: size, next } = readLeb(wasm, at)
    sections.push({ id, body: wasm.subarray(next, next + size) })
    at = next + size
  }
  return sections
}

export function writeSections(wasm: Uint8Array, sections: readonly Section[]): Uint8Array<ArrayBuffer> {
  const parts = sections.flatMap(({ id, body }) => [[id, ...leb(body.length)], body])
  return concat([wasm.subarray(0, HEADER_BYTES), ...parts])
}

export interface Counted {
  readonly count: number
  /** Where the first entry begins. */
  readonly start: number
}

export function find(sections: readonly Section[], wanted: number): Uint8Array {
  const section = sections.find(({ id }) => id === wanted)
  if (!section) throw new Error(`the QuickJS module has no section ${wanted}`)
  return section.body
}

export function counted(sections: readonly Section[], id: number): Counted {
  const { value: count, next: start } = readLeb(find(sections, id), 0)
  return { count, start }
}

/** With so many more entries. */
export function longer(
  { id, body }: Section,
  { count, start }: Counted,
  more: number,
  entries: readonly number[],
): Section {
  return { id, body: concat([leb(count + more), body.subarray(start), entries]) }
}

/** What is imported comes first in the index spaces. */
export interface Imports {
  readonly functions: number
  readonly globals: number
  /** The functions' indices by `module.name`. */
  readonly named: ReadonlyMap<string, number>
}

export function readImports(body: Uint8Array): Imports {
  const text = new TextDecoder()
  const named = new Map<string, number>()
  let [functions, globals] = [0, 0]
  let { value: count, next: at } = readLeb(body, 0)
  const name = () => {
    const { value: length, next } = readLeb(body, at)
    at = next + length
    return text.decode(body.subarray(next, at))
  }
  for (; count > 0; count--) {
    const full = `${name()}.${name()}`
    const kind = body[at++]
    if (kind === 0) {
      named.set(full, functions++)
      at = readLeb(body, at).next
    } else if (kind === 3) {
      globals++
      at += 2
    } else throw new Error(`the QuickJS module imports ${full}, which is neither a function nor a global`)
  }
  return { functions, globals, named }
}

/** Their locals and code, without the size before them. */
export function readFunctions(body: Uint8Array): Uint8Array[] {
  const { value: count, next } = readLeb(body, 0)
  const functions: Uint8Array[] = []
  for (let i = 0, at = next; i < count; i++) {
    const { value: size, next: start } = readLeb(body, at)
    at = start + size
    functions.push(body.subarray(start, at))
  }
  return functions
}

/** Where the first instruction stands. */
export function skipLocals(code: Uint8Array): number {
  let { value: groups, next: at } = readLeb(code, 0)
  // How many, and of which type.
  for (; groups > 0; groups--) at = readLeb(code, at).next + 1
  return at
}
