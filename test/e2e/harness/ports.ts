import { randomInt } from 'node:crypto'

/** Below the kernel's ephemeral range (32768 on), where only the lab's own programs bind. */
const FIRST = 20_000
const LAST = 32_000

let next = randomInt(FIRST, LAST)

/**
 * A port that nothing in the lab uses: its namespaces are private, and each port is handed out once. For programs that must be told
 * their port; whatever can bind port 0 does so.
 */
export function takePort(): number {
  next = next >= LAST ? FIRST : next + 1
  return next
}
