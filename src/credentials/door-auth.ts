import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { DoorAuth } from '../contracts/door.ts'
import type { Secret } from '../contracts/secret.ts'

/**
 * Who may use a door. Digests are compared, so that neither the time taken nor its length tells how much of a guess was right;
 * for an unknown user the guess is compared with random bytes, so that names cannot be told apart either.
 */
export function createDoorAuth(users: Readonly<Record<string, Secret>>): DoorAuth {
  const digests = new Map(Object.entries(users).map(([name, password]) => [name, sha256(password.reveal())]))
  const nobody = randomBytes(32)
  return {
    verify(username, password) {
      const expected = digests.get(username)
      const equal = timingSafeEqual(sha256(password), expected ?? nobody)
      return equal && expected !== undefined
    },
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest()
}
