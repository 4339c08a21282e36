import { hasLibc, nativeMemory } from './libc.ts'

/**
 * Memory that stays where it is for as long as somebody has this object, so that a call can be given its address. An array has to be looked at by koffi in each
 * call, which costs 0.1 to 0.2 µs: a tenth of a short call.
 */
export interface FixedMemory {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** 0 where no call can be made. */
  readonly address: number
}

export function fixedMemory(length: number): FixedMemory {
  // Not of a pool, and outside the heap, whose objects are moved about.
  const bytes = Buffer.allocUnsafeSlow(length)
  return { bytes, address: hasLibc ? Number(nativeMemory().address(bytes)) : 0 }
}
