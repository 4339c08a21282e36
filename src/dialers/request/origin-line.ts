import type { Conn } from '../../contracts/conn.ts'
import { endedByReset } from '../../system/ended-by-reset.ts'

/** What hears of a connection while it has it. */
export interface LineUser {
  received(chunk: Buffer): void
  /** FIN. */
  ended(): void
  drained(): void
  /** Reset, or closed. */
  broken(error: Error): void
}

/**
 * A connection to an origin that carries one request after the other. It listens to its Conn once, for as long as that lives: putting
 * listeners on and off for each request costs as much as reading the answer.
 */
export class OriginLine {
  readonly conn: Conn
  #user: LineUser | undefined
  #drop: (() => void) | undefined

  /** `conn`: paused, as a dialer gives it. */
  constructor(conn: Conn) {
    this.conn = conn
    conn.on('data', (chunk: Buffer) => (this.#user ? this.#user.received(chunk) : this.#drop?.()))
    conn.on('end', () => this.#ended())
    conn.on('drain', () => this.#user?.drained())
    conn.on('error', (error) => this.#broken(error))
    conn.on('close', () => this.#broken(new Error('the connection was closed')))
  }

  get destroyed(): boolean {
    return this.conn.destroyed
  }

  get writable(): boolean {
    return this.conn.writable
  }

  resume(): void {
    this.conn.resume()
  }

  destroy(): void {
    this.conn.destroy()
  }

  /** From now on it is that user's. One that has not been used before is still paused. */
  lend(user: LineUser): void {
    this.#user = user
    this.#drop = undefined
  }

  /** The user has no more to do with it. */
  giveBack(): void {
    this.#user = undefined
  }

  /** As of `Watch`: while it is nobody's. */
  watch(drop: () => void): () => void {
    this.#drop = drop
    return () => {
      if (this.#drop === drop) this.#drop = undefined
    }
  }

  #ended(): void {
    if (!this.#user) this.#drop?.()
    else if (endedByReset(this.conn)) this.#user.broken(new Error('the connection was reset'))
    else this.#user.ended()
  }

  #broken(error: Error): void {
    if (this.#user) this.#user.broken(error)
    else this.#drop?.()
  }
}
