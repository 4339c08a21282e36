import type { AnsweredNames } from '../../contracts/answered-names.ts'
import type { Clock } from '../../contracts/clock.ts'

export interface AnsweredNamesOptions {
  readonly clock: Clock
  /** `namesOf` answers something else to somebody from here on. */
  readonly onChange?: () => void
  /** Milliseconds that an answer is remembered beyond its TTL. */
  readonly graceMs?: number
  readonly maxClients?: number
  readonly maxAnswers?: number
  /** Of all clients together. */
  readonly maxTotal?: number
}

/** Many programs resolve once and keep the address until they end (Java did so by default); an hour covers builds and most sessions. */
const GRACE_MS = 60 * 60 * 1000
/** A TTL beyond a day says "keep it" and not for how long. */
const LONGEST_TTL_S = 24 * 60 * 60
/** Containers of one host; the one that has not asked for the longest goes first. */
const MAX_CLIENTS = 4096
/** Answers of all clients together, some 500 bytes each: the client that has not asked for the longest goes first. */
const MAX_TOTAL = 65_536
/** Addresses of one answer that are remembered, the first: programs mostly try no further. */
const MAX_ADDRESSES = 64
/** Answers that one container has been told, one for each name and address; those for the address of the oldest answer go first. */
const MAX_ANSWERS = 2048
/** Names for one address: those that a page of a large provider's customers needs. The one told longest ago goes first. */
const MAX_NAMES = 16

/** By name, in the order they were told; until when each holds, in monotonic milliseconds. */
type Told = Map<string, number>

interface Memory {
  readonly byAddress: Map<string, Told>
  /** Names of all addresses. */
  answers: number
}

/** Both tables are in the order of last use, so that the first entry is the one to go. */
export function createAnsweredNames(options: AnsweredNamesOptions): AnsweredNames {
  const { clock, onChange = () => {}, graceMs = GRACE_MS } = options
  const { maxClients = MAX_CLIENTS, maxAnswers = MAX_ANSWERS, maxTotal = MAX_TOTAL } = options
  const clients = new Map<string, Memory>()
  let total = 0

  return {
    remember(client, name, all, ttlSeconds) {
      const addresses = all.slice(0, MAX_ADDRESSES)
      const memory = clients.get(client) ?? { byAddress: new Map<string, Told>(), answers: 0 }
      clients.delete(client)
      clients.set(client, memory)
      const before = memory.answers
      const ttl = Math.min(Math.max(0, ttlSeconds), LONGEST_TTL_S)
      const until = clock.monotonic() + ttl * 1000 + graceMs
      if (addresses.some((address) => lastOf(memory.byAddress.get(address)) !== name)) onChange()
      for (const address of addresses) tell(memory, address, name, until)
      while (memory.answers > maxAnswers) forget(memory, first(memory.byAddress))
      total += memory.answers - before
      while (clients.size > maxClients || (total > maxTotal && clients.size > 1)) drop(first(clients))
    },
    namesOf(client, address) {
      const memory = clients.get(client)
      const told = memory?.byAddress.get(address)
      if (!memory || !told) return []
      const now = clock.monotonic()
      const before = memory.answers
      for (const [name, until] of told) {
        if (until > now) continue
        told.delete(name)
        memory.answers--
      }
      if (told.size === 0) forget(memory, address)
      total += memory.answers - before
      if (memory.byAddress.size === 0) clients.delete(client)
      return [...told.keys()].reverse()
    },
  }

  function drop(client: string): void {
    total -= clients.get(client)?.answers ?? 0
    clients.delete(client)
  }
}

function tell(memory: Memory, address: string, name: string, until: number): void {
  const told: Told = memory.byAddress.get(address) ?? new Map()
  memory.answers -= told.size
  told.delete(name)
  told.set(name, until)
  if (told.size > MAX_NAMES) told.delete(first(told))
  memory.answers += told.size
  memory.byAddress.delete(address)
  memory.byAddress.set(address, told)
}

function forget(memory: Memory, address: string): void {
  memory.answers -= memory.byAddress.get(address)?.size ?? 0
  memory.byAddress.delete(address)
}

function lastOf(told: Told | undefined): string | undefined {
  let last: string | undefined
  for (const name of told?.keys() ?? []) last = name
  return last
}

function first<T>(map: ReadonlyMap<T, unknown>): T {
  return map.keys().next().value as T
}
