import type { Clock } from '../contracts/clock.ts'
import type { Conn } from '../contracts/conn.ts'
import { GatewayError } from '../contracts/gateway-error.ts'
import type { Hop } from '../contracts/route.ts'
import { abortReason, describeHop, failedHop } from './hop-error.ts'

/** Time for a proxy to answer, ms. It covers the proxy's own connect to the target, which is why it is not shorter. */
export const HANDSHAKE_MS = 10_000

export interface HandshakeContext {
  readonly hop: Hop
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly handshakeMs: number
}

export interface Handshake<T> {
  /** Told the proxy's bytes in order. Answers once the handshake is over; `rest` is what came after it. May throw a GatewayError. */
  onBytes(bytes: Buffer): { readonly value: T; readonly rest: Buffer } | undefined
  /** Whether the proxy has begun to answer. */
  readonly begun: boolean
}

/**
 * Holds one conversation on a connection that a tunnel will follow on. When it resolves, the connection is paused, has no listener of
 * ours but the one for errors, and gives `rest` as its first bytes. When it rejects, the connection is destroyed.
 */
export function shakeHands<T>(
  conn: Conn,
  { hop, signal, clock, handshakeMs }: HandshakeContext,
  talk: Handshake<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const onData = (bytes: Buffer): void => {
      try {
        const done = talk.onBytes(bytes)
        if (done === undefined) return
        release()
        conn.pause()
        if (done.rest.length > 0) conn.unshift(done.rest)
        resolve(done.value)
      } catch (error) {
        fail(error)
      }
    }
    const onClosed = (): void => fail(closedEarly(hop, talk.begun))
    const onError = (error: Error): void => fail(brokenOff(hop, error))
    const onAbort = (): void => fail(abortReason(signal, (deadline) => silent(hop, 'in time', deadline)))
    const cancelLimit = clock.after(handshakeMs, () => fail(silent(hop, `within ${handshakeMs / 1000} s`)))

    const release = (): void => {
      cancelLimit()
      signal.removeEventListener('abort', onAbort)
      conn.removeListener('data', onData)
      conn.removeListener('end', onClosed)
      conn.removeListener('close', onClosed)
      conn.removeListener('error', onError)
    }
    const fail = (error: unknown): void => {
      release()
      conn.destroy()
      reject(error)
    }

    if (signal.aborted) return onAbort()
    if (conn.destroyed || conn.readableEnded) return onClosed()
    signal.addEventListener('abort', onAbort)
    conn.on('data', onData)
    conn.on('end', onClosed)
    conn.on('close', onClosed)
    conn.on('error', onError)
    conn.resume()
  })
}

/** The proxy took the connection and then said nothing: not the same as being unreachable, for the silence may be the target's. */
export function silent(hop: Hop, within: string, cause?: unknown): GatewayError {
  return new GatewayError('UPSTREAM_TIMEOUT', `${describeHop(hop)} took the connection but did not answer ${within}`, {
    hop: failedHop(hop),
    hint: 'Either the proxy hangs, or what lies behind it does not answer the proxy.',
    cause,
  })
}

function closedEarly(hop: Hop, begun: boolean): GatewayError {
  return begun
    ? new GatewayError(
        'PROXY_PROTOCOL_ERROR',
        `${describeHop(hop)} closed the connection in the middle of its answer`,
        {
          hop: failedHop(hop),
        },
      )
    : new GatewayError('CONNECT_RESET', `${describeHop(hop)} closed the connection before it answered`, {
        hop: failedHop(hop),
        hint: 'Check that the kind of proxy (http, https, socks5 …) is right and that it accepts clients from this address.',
      })
}

function brokenOff(hop: Hop, error: NodeJS.ErrnoException): GatewayError {
  return new GatewayError('CONNECT_RESET', `${describeHop(hop)} broke off the connection (${error.code ?? 'error'})`, {
    hop: failedHop(hop),
    cause: error,
  })
}
