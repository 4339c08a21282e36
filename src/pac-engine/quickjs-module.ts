import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { interruptible } from './interruptible.ts'
import { shrinkable } from './shrinkable.ts'
import { leb, readLeb } from './wasm-bytes.ts'
import { readSections, SECTION, writeSections } from './wasm-sections.ts'

/**
 * QuickJS as a WebAssembly module whose memory cannot grow beyond `pages` of 64 KiB. The limit that QuickJS itself offers counts large blocks only
 * (WASI's malloc tells no sizes): a script that allocates many small ones got 260 MB past a limit of 64 MiB. And one in which every loop can be stopped, and whose memory can be put
 * back to a size it had before.
 */
export function quickjsModule(pages: number): Promise<WebAssembly.Module> {
  let module = compiled.get(pages)
  if (!module) {
    module = compile(pages)
    compiled.set(pages, module)
    // For want of descriptors or memory, perhaps: the next one tries again.
    module.catch(() => compiled.delete(pages))
  }
  return module
}

/** Compiling takes 50 ms and more; threads are handed the module. One entry for each limit that settings have asked for. */
const compiled = new Map<number, Promise<WebAssembly.Module>>()

async function compile(pages: number): Promise<WebAssembly.Module> {
  const entry = createRequire(import.meta.url).resolve('quickjs-wasi/package.json')
  const { wasm } = await interruptible(shrinkable(await readFile(join(dirname(entry), 'quickjs.wasm'))))
  return WebAssembly.compile(limitMemory(wasm, pages))
}

/** Rewrites the memory section's maximum (WebAssembly core specification §5.5.8). */
export function limitMemory(wasm: Uint8Array, pages: number): Uint8Array<ArrayBuffer> {
  let found = false
  const sections = readSections(wasm).map((section) => {
    if (section.id !== SECTION.memory) return section
    found = true
    const minimum = readLeb(section.body, 2).value
    return { id: section.id, body: Uint8Array.from([1, 1, ...leb(minimum), ...leb(Math.max(pages, minimum))]) }
  })
  if (!found) throw new Error('the QuickJS module has no memory section')
  return writeSections(wasm, sections)
}
