import type { CaptureListener } from '../passthrough/capture-listener.ts'
import type { OpenCapture } from './capture-front.ts'
import type { HeldIn } from './hold-queues.ts'

/** What one version of the settings has open. */
export interface Open extends OpenCapture, HeldIn {}

const NOTHING: Open = { listeners: [], queue: undefined, awaited: undefined }

/** The transparent sockets and the queue of a capture: those in use, and the sockets of one that was switched off, while their connections stand. */
export class CaptureSockets {
  #open: Open = NOTHING
  #leaving: readonly CaptureListener[] = []

  get open(): Open {
    return this.#open
  }

  get connections(): number {
    return this.#all.reduce((sum, listener) => sum + listener.connections, 0)
  }

  /** The transparent sockets themselves, which nobody may dial. */
  get endpoints(): { address: string; port: number }[] {
    return this.#open.listeners.map(({ family, port }) => ({ address: family === 4 ? '127.0.0.1' : '::1', port }))
  }

  get #all(): CaptureListener[] {
    return [...this.#open.listeners, ...this.#leaving]
  }

  /** Takes these into use. Nothing is closed: see `closeAllBut`. `held`: whether the rules lead to the queue. */
  use(open: Open, held: boolean): void {
    this.#leaving = this.#leaving.filter(({ connections }) => connections > 0)
    this.#open = held ? open : { ...open, queue: undefined }
  }

  /** Closes what only the second has. */
  async closeAllBut(kept: Open, { listeners, queue }: Open): Promise<void> {
    if (kept.listeners !== listeners) for (const listener of listeners) listener.close()
    if (kept.queue !== queue) await queue?.close()
  }

  /** Nobody comes in any more; connections that stand go on. */
  drain(): void {
    for (const listener of this.#open.listeners) listener.close()
  }

  /** The same, and with nothing in use any more. */
  async leave(): Promise<void> {
    const { listeners, queue } = this.#open
    this.drain()
    this.#leaving = [...this.#leaving, ...listeners]
    this.#open = NOTHING
    await queue?.close()
  }

  /** Ends the connections, too. What it returns closes the queue, which may come last. */
  end(): () => Promise<void> {
    for (const listener of this.#all) {
      listener.close()
      listener.destroyConnections()
    }
    const { queue } = this.#open
    this.#open = NOTHING
    this.#leaving = []
    return async () => queue?.close()
  }
}
