/** What QuickJS finds in place of an operating system (WASI preview 1); `time` in milliseconds since the epoch. */
export function vmSystem(memory: WebAssembly.Memory, time: () => number): Record<string, (...args: never[]) => number> {
  return {
    clock_time_get: (_id: number, _precision: bigint, result: number) => {
      new DataView(memory.buffer).setBigUint64(result, BigInt(time()) * 1_000_000n, true)
      return 0
    },
    // QuickJS's own diagnostics; a script must not write to the gateway's standard output.
    fd_write: (_fd: number, _iovs: number, _count: number, written: number) => {
      new DataView(memory.buffer).setUint32(written, 0, true)
      return 0
    },
  }
}
