/** The part of the WebAssembly JavaScript interface used here; Node has it, its type package leaves it to the DOM library. */
declare namespace WebAssembly {
  class Module {
    private readonly module: never
  }
  class RuntimeError extends Error {}
  interface Memory {
    readonly buffer: ArrayBuffer
  }
  interface Global {
    value: number
  }
  function compile(bytes: Uint8Array<ArrayBuffer>): Promise<Module>
}
