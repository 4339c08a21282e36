import { writeSync } from 'node:fs'

/** An eventfd counts; it takes a 64-bit number in the machine's byte order. */
const ONCE = new Uint8Array(new BigUint64Array([1n]).buffer)

/** Wakes a thread that sleeps on an eventfd(2) of its own in place of Node's event loop. Any thread may ring. */
export function ring(eventDescriptor: number): void {
  writeSync(eventDescriptor, ONCE)
}
