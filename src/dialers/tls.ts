import tls from 'node:tls'
import type { Clock } from '../contracts/clock.ts'
import type { Conn } from '../contracts/conn.ts'
import type { StreamDialer } from '../contracts/dialer.ts'
import type { GatewayError } from '../contracts/gateway-error.ts'
import type { Hop } from '../contracts/route.ts'
import { type HandshakeContext, silent } from './handshake.ts'
import { abortReason } from './hop-error.ts'
import { certificateError, tlsError } from './tls-error.ts'

export interface TlsOptions {
  readonly clock: Clock
  readonly handshakeMs: number
  /** Made when first needed: parsing a trust store takes tens of milliseconds. */
  readonly trust: () => tls.SecureContext
}

/** A dialer whose connections to `hop` are inside TLS: what reaches an HTTPS proxy, given what reaches its port. */
export function overTls(hop: Hop, inner: StreamDialer, options: TlsOptions): StreamDialer {
  return {
    async dial(target, context) {
      const { clock, handshakeMs } = options
      // First, for it can fail, and then there must be no connection yet.
      const secureContext = options.trust()
      const conn = await inner.dial(target, context)
      return startTls(conn, { hop, signal: context.signal, clock, handshakeMs }, secureContext)
    },
  }
}

/** Works over any Conn, another TLS connection included. Half-close is kept: `end()` sends close_notify and FIN, reading goes on. */
function startTls(conn: Conn, context: HandshakeContext, secureContext: tls.SecureContext): Promise<Conn> {
  const { hop, signal, clock, handshakeMs } = context
  return new Promise((resolve, reject) => {
    const socket = tls.connect({
      socket: conn,
      secureContext,
      // The name the certificate must bear. SNI carries names only (RFC 6066 §3).
      host: hop.host,
      ...(hop.family === 0 && { servername: hop.host }),
      ALPNProtocols: ['http/1.1'],
      // Judged below, where the certificate is still there to be explained. Nothing is written before.
      rejectUnauthorized: false,
    })
    const onSecure = (): void => {
      if (socket.authorized) {
        release()
        socket.pause()
        resolve(socket)
      } else fail(certificateError(hop, socket))
    }
    const onError = (error: Error): void => fail(tlsError(hop, error))
    const onClose = (): void => fail(tlsError(hop, Object.assign(new Error('closed'), { code: 'ECONNRESET' })))
    const onAbort = (): void =>
      fail(abortReason(signal, (deadline) => silent(hop, 'the TLS handshake in time', deadline)))
    const cancelLimit = clock.after(handshakeMs, () =>
      fail(silent(hop, `the TLS handshake within ${handshakeMs / 1000} s`)),
    )
    const release = (): void => {
      cancelLimit()
      signal.removeEventListener('abort', onAbort)
      socket.removeListener('secureConnect', onSecure)
      socket.removeListener('error', onError)
      socket.removeListener('close', onClose)
    }
    const fail = (error: GatewayError): void => {
      release()
      socket.destroy()
      conn.destroy()
      reject(error)
    }

    // As for every Conn: an error between two owners must not end the process.
    socket.on('error', ignore)
    socket.once('close', () => conn.destroy())
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort)
    socket.on('secureConnect', onSecure)
    socket.on('error', onError)
    socket.on('close', onClose)
  })
}

function ignore(): void {}
