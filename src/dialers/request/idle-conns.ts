import type { Clock } from '../../contracts/clock.ts'
import type { Conn } from '../../contracts/conn.ts'

export interface IdleLimits {
  readonly clock: Clock
  /** Milliseconds that a connection is kept. Shorter than most servers keep theirs, so that few requests meet a closing one. */
  readonly idleMs: number
  /** Idle connections in all: each is a descriptor. The oldest goes first. */
  readonly maxIdle: number
  /** Idle connections of one key: what a browser opens to one host. */
  readonly maxIdlePerKey: number
}

/** What can be kept: a Conn, or something that has one. */
export interface Keepable {
  readonly destroyed: boolean
  readonly writable: boolean
  resume(): unknown
  destroy(): unknown
}

/** Calls `drop` when anything at all happens to an idle connection, until the function it answers is called. */
export type Watch<C> = (conn: C, drop: () => void) => () => void

const EVENTS = ['data', 'end', 'error', 'close'] as const

export const watchEvents: Watch<Conn> = (conn, drop) => {
  for (const event of EVENTS) conn.on(event, drop)
  return () => {
    for (const event of EVENTS) conn.off(event, drop)
  }
}

/** A connection on loan from the pool, still watched: call `release` once somebody else listens to it. */
export interface Loan<C> {
  readonly conn: C
  release(): void
}

/**
 * Connections between requests. A server has nothing to say on one: whatever comes (an answer nobody asked for, a FIN, a reset) ends it
 * here, so that it can't be taken for the answer to the next request.
 */
export class IdleConns<C extends Keepable = Conn> {
  readonly #limits: IdleLimits
  readonly #watch: Watch<C>
  /** In the order in which they became idle. */
  readonly #entries = new Map<C, { readonly key: string; readonly unwatch: () => void }>()
  readonly #byKey = new Map<string, C[]>()
  #closed = false

  constructor(limits: IdleLimits, watch: Watch<C>) {
    this.#limits = limits
    this.#watch = watch
  }

  get size(): number {
    return this.#entries.size
  }

  /** Keeps a connection that has just finished a request, for at most `hintMs` where its server announced less than our own limit. */
  keep(key: string, conn: C, hintMs = Number.POSITIVE_INFINITY): void {
    const idleMs = Math.min(this.#limits.idleMs, hintMs)
    const siblings = this.#byKey.get(key) ?? []
    if (
      this.#closed ||
      conn.destroyed ||
      !conn.writable ||
      idleMs <= 0 ||
      siblings.length >= this.#limits.maxIdlePerKey
    ) {
      conn.destroy()
      return
    }
    const drop = () => {
      this.#forget(conn)
      conn.destroy()
    }
    const cancel = this.#limits.clock.after(idleMs, drop)
    const stopWatching = this.#watch(conn, drop)
    conn.resume()
    const unwatch = () => {
      cancel()
      stopWatching()
    }
    this.#entries.set(conn, { key, unwatch })
    siblings.push(conn)
    this.#byKey.set(key, siblings)
    if (this.#entries.size > this.#limits.maxIdle) this.#drop(this.#entries.keys().next().value)
  }

  /** The connection of that key that was used last, for it is the likeliest to live. */
  take(key: string): Loan<C> | undefined {
    const conn = this.#byKey.get(key)?.at(-1)
    if (!conn) return undefined
    const { unwatch } = this.#entries.get(conn)!
    this.#forget(conn, false)
    return { conn, release: unwatch }
  }

  /** One connection of the key was found dead: its siblings are as old or older. */
  dropKey(key: string): void {
    for (const conn of [...(this.#byKey.get(key) ?? [])]) this.#drop(conn)
  }

  /** Connections in use meanwhile may still come to be kept: a request that ends well shows that its connection works. */
  dropAll(): void {
    for (const conn of [...this.#entries.keys()]) this.#drop(conn)
  }

  close(): void {
    this.#closed = true
    this.dropAll()
  }

  #drop(conn: C | undefined): void {
    if (!conn) return
    this.#forget(conn)
    conn.destroy()
  }

  #forget(conn: C, unwatch = true): void {
    const entry = this.#entries.get(conn)
    if (!entry) return
    if (unwatch) entry.unwatch()
    this.#entries.delete(conn)
    const siblings = this.#byKey.get(entry.key)!.filter((other) => other !== conn)
    if (siblings.length > 0) this.#byKey.set(entry.key, siblings)
    else this.#byKey.delete(entry.key)
  }
}
