import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/**
 * QuickJS as a WebAssembly module whose memory cannot grow beyond `pages` of 64 KiB. The limit that QuickJS itself offers counts large blocks only
 * (WASI's malloc tells no sizes): a script that allocates many small ones got 260 MB past a limit of 64 MiB.
 */
export function quickjsModule(pages: number): Promise<WebAssembly.Module> {
  let module = compiled.get(pages)
  if (!module) {
    module = compile(pages)
    compiled.set(pages, module)
  }
  return module
}

/** Compiling takes 50 ms and more; threads are handed the module. One entry for each limit that settings have asked for. */
const compiled = new Map<number, Promise<WebAssembly.Module>>()

async function compile(pages: number): Promise<WebAssembly.Module> {
  const entry = createRequire(import.meta.url).resolve('quickjs-wasi/package.json')
  return WebAssembly.compile(limitMemory(await readFile(join(dirname(entry), 'quickjs.wasm')), pages))
}

const MEMORY_SECTION = 5
const HEADER_BYTES = 8

/** Rewrites the memory section's maximum (WebAssembly core specification §5.5.8). */
export function limitMemory(wasm: Uint8Array, pages: number): Uint8Array<ArrayBuffer> {
  let at = HEADER_BYTES
  while (at < wasm.length) {
    const start = at
    const id = wasm[at++]
    const size = readLeb(wasm, at)
    const body = size.next
    if (id === MEMORY_SECTION) {
      const minimum = readLeb(wasm, body + 2)
      const section = [1, 1, ...leb(minimum.value), ...leb(Math.max(pages, minimum.value))]
      return concat(
        wasm.subarray(0, start),
        [MEMORY_SECTION, ...leb(section.length), ...section],
        wasm.subarray(body + size.value),
      )
    }
    at = body + size.value
  }
  throw new Error('the QuickJS module has no memory section')
}

function readLeb(bytes: Uint8Array, at: number): { value: number; next: number } {
  let value = 0
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++] ?? 0
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) return { value, next: at }
  }
}

function leb(value: number): number[] {
  const bytes: number[] = []
  do {
    const rest = value >>> 7
    bytes.push((value & 0x7f) | (rest ? 0x80 : 0))
    value = rest
  } while (value)
  return bytes
}

function concat(...parts: (Uint8Array | number[])[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
