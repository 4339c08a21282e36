import type { Clock } from '../contracts/clock.ts'
import { toGatewayError } from '../contracts/gateway-error.ts'
import { isLoopback, isUnspecified } from '../wire/address.ts'
import { every } from './every.ts'

export interface AwaitedDoorsParts<Door> {
  readonly clock: Clock
  opened(key: string, door: Door): void
  /** One that has come too late to be wanted. */
  close(door: Door): void
  warn(message: string): void
}

/** Milliseconds between tries. Asking for an address that is not there costs some microseconds. */
const AGAIN_MS = 1_000

/**
 * Doors at addresses that this machine does not have yet (a bridge's, before the engine has made it, or an IPv6 address that is still being verified), or
 * that somebody has who is about to leave: a gateway that drains.
 * Tried again every second until the settings want others; as many as the settings name.
 */
export class AwaitedDoors<Door> {
  readonly #parts: AwaitedDoorsParts<Door>
  #wanted = new Map<string, () => Promise<Door>>()
  #cancel: (() => void) | undefined
  /** The tries that are being made. */
  #trying: Promise<void> | undefined
  #isPaused = false
  /** What was said last, by key. */
  readonly #told = new Map<string, string>()

  constructor(parts: AwaitedDoorsParts<Door>) {
    this.#parts = parts
  }

  get keys(): readonly string[] {
    return [...this.#wanted.keys()]
  }

  /** In the place of all that were awaited before. `told`: by key, what the caller has said itself of why they cannot be opened yet. */
  set(wanted: ReadonlyMap<string, () => Promise<Door>>, told: ReadonlyMap<string, string> = new Map()): void {
    this.#wanted = new Map(wanted)
    for (const [key, message] of told) this.#told.set(key, message)
    for (const key of this.#told.keys()) if (!wanted.has(key)) this.#told.delete(key)
    this.#settle()
  }

  /** Tries nothing until it goes on; resolves when nothing is being tried. Who opens doors meanwhile is not told that their addresses are taken. */
  async pause(): Promise<void> {
    this.#isPaused = true
    await this.#trying
  }

  goOn(): void {
    this.#isPaused = false
  }

  close(): void {
    this.set(new Map())
  }

  #settle(): void {
    if (this.#wanted.size > 0) {
      this.#cancel ??= every(AGAIN_MS, this.#parts.clock, () => void this.#tryAll())
      return
    }
    this.#cancel?.()
    this.#cancel = undefined
  }

  async #tryAll(): Promise<void> {
    if (this.#trying || this.#isPaused) return
    this.#trying = this.#tryEach()
    await this.#trying
    this.#trying = undefined
    this.#settle()
  }

  async #tryEach(): Promise<void> {
    for (const [key, open] of [...this.#wanted]) {
      if (this.#isPaused) return
      await this.#try(key, open)
    }
  }

  async #try(key: string, open: () => Promise<Door>): Promise<void> {
    try {
      const door = await open()
      if (this.#wanted.get(key) !== open) return this.#parts.close(door)
      this.#wanted.delete(key)
      this.#parts.opened(key, door)
    } catch (thrown) {
      const { message } = toGatewayError(thrown)
      // Another program may have come first to the address; it may leave again.
      if (!isNotThere(thrown) && message !== this.#told.get(key)) this.#parts.warn(message)
      this.#told.set(key, message)
    }
  }
}

/** Whether an address can come: not so where this system has no such family. */
export function canCome(host: string, thrown: unknown): boolean {
  return isNotThere(thrown) && !isLoopback(host) && !isUnspecified(host)
}

function isNotThere(thrown: unknown): boolean {
  const cause = thrown instanceof Error ? (thrown.cause as NodeJS.ErrnoException | undefined) : undefined
  return cause?.code === 'EADDRNOTAVAIL'
}
