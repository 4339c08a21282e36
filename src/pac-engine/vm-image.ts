import type { QuickJS } from 'quickjs-wasi'

/** All of a VM at one moment, and the way back to it: also from the middle of something that was cut off. */
export class VmImage {
  readonly #memory: Uint8Array
  readonly #stack: WebAssembly.Global
  readonly #stackPointer: number

  constructor(vm: QuickJS) {
    const { memory, stackPointer } = vm.snapshot()
    this.#memory = memory
    this.#stackPointer = stackPointer
    // Where the package itself puts it back, in `QuickJS.restore`, which makes a new instance each time.
    this.#stack = (
      vm as unknown as { readonly exports: { readonly __stack_pointer: WebAssembly.Global } }
    ).exports.__stack_pointer
  }

  /** Memory that has grown since cannot shrink. */
  fits(memory: WebAssembly.Memory): boolean {
    return memory.buffer.byteLength === this.#memory.length
  }

  /** False where it does not fit; then nothing has been done. */
  restore(memory: WebAssembly.Memory): boolean {
    if (!this.fits(memory)) return false
    new Uint8Array(memory.buffer).set(this.#memory)
    this.#stack.value = this.#stackPointer
    return true
  }
}
