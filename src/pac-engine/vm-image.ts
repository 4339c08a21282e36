import type { QuickJS } from 'quickjs-wasi'
import { PAGES } from './shrinkable.ts'

export const PAGE_BYTES = 65_536

interface Exports {
  readonly memory: WebAssembly.Memory
  readonly __stack_pointer: WebAssembly.Global
  readonly [PAGES]: WebAssembly.Global
}

/** What the module takes its memory to be; the WebAssembly memory may be larger, for it cannot shrink. */
export function bytesOf(vm: QuickJS): number {
  return exportsOf(vm)[PAGES].value * PAGE_BYTES
}

/** What the package keeps, out here, of values in the VM that nobody has disposed of: each evaluation that is stopped leaves its exception. */
interface Kept {
  readonly _ownedHandles: Set<unknown>
  readonly hostCallbacks: Map<string, unknown>
}

/** All of a VM at one moment, and the way back to it: also from the middle of something that was cut off, and after it has grown. */
export class VmImage {
  readonly #exports: Exports
  readonly #memory: Uint8Array
  readonly #stackPointer: number
  readonly #kept: Kept
  readonly #handles: ReadonlySet<unknown>
  readonly #callbacks: ReadonlySet<string>

  constructor(vm: QuickJS) {
    this.#kept = vm as unknown as Kept
    this.#handles = new Set(this.#kept._ownedHandles)
    this.#callbacks = new Set(this.#kept.hostCallbacks.keys())
    this.#exports = exportsOf(vm)
    this.#memory = new Uint8Array(this.#exports.memory.buffer, 0, bytesOf(vm)).slice()
    this.#stackPointer = this.#exports.__stack_pointer.value
  }

  /** Bytes that would be kept beyond those that are needed. */
  get surplus(): number {
    return this.#exports.memory.buffer.byteLength - this.#memory.length
  }

  /** Nothing runs in there any more: room for a last call, whose memory is as it was left. */
  unwind(): void {
    // Where the package itself puts it back, in `QuickJS.restore`, which makes a new instance each time.
    this.#exports.__stack_pointer.value = this.#stackPointer
  }

  restore(): void {
    const { memory, [PAGES]: pages } = this.#exports
    new Uint8Array(memory.buffer).set(this.#memory)
    pages.value = this.#memory.length / PAGE_BYTES
    this.unwind()
    for (const handle of this.#kept._ownedHandles)
      if (!this.#handles.has(handle)) this.#kept._ownedHandles.delete(handle)
    for (const name of this.#kept.hostCallbacks.keys())
      if (!this.#callbacks.has(name)) this.#kept.hostCallbacks.delete(name)
  }
}

function exportsOf(vm: QuickJS): Exports {
  return (vm as unknown as { readonly exports: Exports }).exports
}
