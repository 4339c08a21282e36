import type { Clock } from '../contracts/clock.ts'
import type { Conn } from '../contracts/conn.ts'
import type { StreamDialer } from '../contracts/dialer.ts'
import { GatewayError } from '../contracts/gateway-error.ts'
import type { Hop } from '../contracts/route.ts'
import type { Target } from '../contracts/target.ts'
import { describeRefusal, hasTextBody, offeredSchemes, REFUSAL_BODY_LIMIT_BYTES } from '../wire/connect-refusal.ts'
import { type ConnectReply, createConnectReplyParser, formatConnectRequest } from '../wire/http-connect.ts'
import { GIVE_CREDENTIALS_HINT } from '../wire/proxy-refusal.ts'
import { formatAuthority } from '../wire/target.ts'
import { basicAuthorization } from './basic-authorization.ts'
import { type HandshakeContext, shakeHands } from './handshake.ts'
import { describeHop, failedHop, failedToReach } from './hop-error.ts'

export interface HttpConnectOptions {
  readonly clock: Clock
  readonly handshakeMs: number
  /** Value of User-Agent, for the proxy's log. */
  readonly userAgent: string
}

/** Time for a refusal's error page to arrive after its head, ms. It only makes the message better, so nobody waits long for it. */
const REFUSAL_BODY_MS = 200

/** A dialer through an HTTP proxy (RFC 9110 §9.3.6), over the dialer that reaches the proxy. */
export function overHttpConnect(hop: Hop, inner: StreamDialer, options: HttpConnectOptions): StreamDialer {
  const hasColon = hop.credentials?.username.includes(':') === true
  // Made once: the same for every dial.
  const authorization = basicAuthorization(hop)
  return {
    async dial(target, { signal }) {
      if (hasColon) throw colonInUserName(hop)
      const conn = await inner.dial(hop, { signal }).catch((error: unknown) => {
        throw failedToReach(hop, error)
      })
      const context: HandshakeContext = { hop, signal, clock: options.clock, handshakeMs: options.handshakeMs }
      conn.write(formatConnectRequest(target, options.userAgent, authorization), 'latin1')
      const reply = await shakeHands(conn, context, readReply(hop))
      if (reply.status < 300) return conn
      throw refusedBy(hop, target, reply, await readRefusalPage(conn, reply, context))
    },
  }
}

function colonInUserName(hop: Hop): GatewayError {
  return new GatewayError('PROXY_AUTH_FAILED', `the user name for ${describeHop(hop)} has a colon in it`, {
    hop: failedHop(hop),
    hint: 'Basic authentication (RFC 7617) has no way to send a colon in a user name.',
  })
}

function readReply(hop: Hop): {
  onBytes(bytes: Buffer): { value: ConnectReply; rest: Buffer } | undefined
  begun: boolean
} {
  const parser = createConnectReplyParser()
  return {
    get begun() {
      return parser.begun
    },
    onBytes(bytes) {
      const step = parser.push(bytes)
      if (step.kind === 'more') return undefined
      if (step.kind === 'reply') return { value: step.reply, rest: step.rest }
      throw new GatewayError('PROXY_PROTOCOL_ERROR', `${describeHop(hop)} ${step.why}`, {
        hop: failedHop(hop),
        hint: 'Check the address of the proxy and its kind: http://, https:// or socks5://.',
      })
    },
  }
}

function refusedBy(hop: Hop, target: Target, reply: ConnectReply, page: Buffer): GatewayError {
  const said = describeRefusal(reply, page)
  if (reply.status === 407) {
    const offered = offeredSchemes(reply).join(', ') || 'nothing'
    const verb = hop.credentials === undefined ? 'asks for credentials' : 'does not accept the credentials'
    return new GatewayError('PROXY_AUTH_FAILED', `${describeHop(hop)} ${verb} (it offers ${offered})`, {
      hop: failedHop(hop),
      said,
      hint:
        hop.credentials === undefined
          ? GIVE_CREDENTIALS_HINT
          : 'Check the user name and the password; Fairlead can send Basic.',
    })
  }
  const statusLine = said.slice(0, said.includes(';') ? said.indexOf(';') : undefined)
  return new GatewayError('PROXY_REFUSED', `${describeHop(hop)} refused ${formatAuthority(target)}: ${statusLine}`, {
    hop: failedHop(hop),
    said,
    hint: 'The proxy works and said no; its log or its administrator can say why.',
  })
}

/** What has come of the error page when it ends, is long enough, or takes too long. Destroys the connection; never rejects. */
function readRefusalPage(conn: Conn, reply: ConnectReply, { clock, signal }: HandshakeContext): Promise<Buffer> {
  return new Promise((resolve) => {
    const parts: Buffer[] = []
    let length = 0
    const finish = (): void => {
      cancelLimit()
      signal.removeEventListener('abort', finish)
      conn.removeAllListeners('data').removeListener('end', finish).removeListener('close', finish)
      conn.destroy()
      resolve(Buffer.concat(parts))
    }
    const cancelLimit = clock.after(REFUSAL_BODY_MS, finish)
    const declared = reply.fields.find(([name]) => name === 'content-length')?.[1] ?? ''
    const wanted = Math.min(
      /^\d{1,9}$/.test(declared) ? Number(declared) : REFUSAL_BODY_LIMIT_BYTES,
      REFUSAL_BODY_LIMIT_BYTES,
    )
    if (!hasTextBody(reply) || wanted === 0 || signal.aborted || conn.destroyed || conn.readableEnded) return finish()
    signal.addEventListener('abort', finish)
    conn.on('end', finish)
    conn.on('close', finish)
    conn.on('data', (part: Buffer) => {
      parts.push(part)
      length += part.length
      if (length >= wanted || part.includes('</title>') || part.subarray(-5).equals(LAST_CHUNK)) finish()
    })
    conn.resume()
  })
}

/** RFC 9112 §7.1: the end of a chunked body without trailers. */
const LAST_CHUNK = Buffer.from('0\r\n\r\n')
