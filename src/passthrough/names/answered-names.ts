import type { AnsweredNames } from '../../contracts/answered-names.ts'
import type { Clock } from '../../contracts/clock.ts'

export interface AnsweredNamesOptions {
  readonly clock: Clock
  /** Milliseconds that an answer is remembered beyond its TTL. */
  readonly graceMs?: number
  readonly maxClients?: number
  readonly maxAddresses?: number
}

/** Many programs resolve once and keep the address until they end (Java did so by default); an hour covers builds and most sessions. */
const GRACE_MS = 60 * 60 * 1000
/** A TTL beyond a day says "keep it" and not for how long. */
const LONGEST_TTL_S = 24 * 60 * 60
/** Containers of one host; the one that has not asked for the longest goes first. About 100 bytes for each address. */
const MAX_CLIENTS = 4096
/** Addresses that one container has been told; the oldest answer goes first. */
const MAX_ADDRESSES = 2048

interface Answer {
  readonly name: string
  /** Monotonic milliseconds. */
  readonly until: number
}

/** Both tables are in the order of last use, so that the first entry is the one to go. */
export function createAnsweredNames(options: AnsweredNamesOptions): AnsweredNames {
  const { clock, graceMs = GRACE_MS, maxClients = MAX_CLIENTS, maxAddresses = MAX_ADDRESSES } = options
  const clients = new Map<string, Map<string, Answer>>()

  return {
    remember(client, name, addresses, ttlSeconds) {
      const answers = clients.get(client) ?? new Map<string, Answer>()
      clients.delete(client)
      clients.set(client, answers)
      if (clients.size > maxClients) clients.delete(first(clients))
      const ttl = Math.min(Math.max(0, ttlSeconds), LONGEST_TTL_S)
      const until = clock.monotonic() + ttl * 1000 + graceMs
      for (const address of addresses) {
        answers.delete(address)
        answers.set(address, { name, until })
        if (answers.size > maxAddresses) answers.delete(first(answers))
      }
    },
    nameOf(client, address) {
      const answers = clients.get(client)
      const answer = answers?.get(address)
      if (!answers || !answer) return undefined
      if (answer.until > clock.monotonic()) return answer.name
      answers.delete(address)
      if (answers.size === 0) clients.delete(client)
      return undefined
    },
  }
}

function first<T>(map: ReadonlyMap<T, unknown>): T {
  return map.keys().next().value as T
}
