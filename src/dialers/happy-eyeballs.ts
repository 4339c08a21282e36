import type { Socket } from 'node:net'
import type { Clock } from '../contracts/clock.ts'
import type { FailedConnect } from '../contracts/dialer.ts'

/** RFC 8305 §5, "Connection Attempt Delay": 250 ms is its recommendation. */
export const ATTEMPT_DELAY_MS = 250

export interface Race {
  /** At least one, in the order of `orderAddresses`. */
  readonly addresses: readonly string[]
  /** Of these addresses: they count as tried, with what came of it. */
  readonly failed?: readonly FailedConnect[] | undefined
  /** Begins to connect. The socket has an `error` listener already. */
  readonly open: (address: string) => Socket
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly attemptDelayMs: number
}

export type RaceResult =
  | { readonly won: Socket }
  | { readonly failures: readonly FailedConnect[] }
  | { readonly aborted: true; readonly tried: readonly string[] }

/**
 * RFC 8305 §5: the next address is tried when the one before has failed, or has not answered within the attempt delay; the first
 * connection wins and the others are destroyed. One address costs no timer. Never rejects; leaves nothing open but the winner.
 */
export function raceConnects({
  addresses,
  failed = [],
  open,
  clock,
  signal,
  attemptDelayMs,
}: Race): Promise<RaceResult> {
  return new Promise((resolve) => {
    const running = new Set<Socket>()
    const failures: FailedConnect[] = []
    let next = 0
    let cancelDelay: (() => void) | undefined

    const settle = (result: RaceResult): void => {
      cancelDelay?.()
      signal.removeEventListener('abort', onAbort)
      for (const loser of running) loser.destroy()
      resolve(result)
    }
    const onAbort = (): void => settle({ aborted: true, tried: addresses.slice(0, next) })

    /** The next address that nobody has tried. */
    const nextAddress = (): string | undefined => {
      for (;;) {
        const address = addresses[next]
        if (address === undefined) return undefined
        next += 1
        const known = failed.find((one) => one.address === address)
        if (known === undefined) return address
        failures.push(known)
      }
    }

    const startNext = (): void => {
      cancelDelay?.()
      cancelDelay = undefined
      const address = nextAddress()
      if (address === undefined) {
        if (running.size === 0) settle({ failures })
        return
      }
      const socket = open(address)
      running.add(socket)
      const onConnect = (): void => {
        socket.removeListener('error', onError)
        running.delete(socket)
        settle({ won: socket })
      }
      const onError = (error: NodeJS.ErrnoException): void => {
        socket.removeListener('connect', onConnect)
        if (!running.delete(socket)) return
        failures.push({ address, error })
        startNext()
      }
      socket.once('connect', onConnect)
      socket.once('error', onError)
      if (next < addresses.length) cancelDelay = clock.after(attemptDelayMs, startNext)
    }

    if (signal.aborted) return resolve({ aborted: true, tried: [] })
    signal.addEventListener('abort', onAbort)
    startNext()
  })
}
