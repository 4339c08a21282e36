import type { Clock } from '../contracts/clock.ts'
import type { Conn } from '../contracts/conn.ts'
import type { StreamDialer } from '../contracts/dialer.ts'
import { type ErrorCode, GatewayError } from '../contracts/gateway-error.ts'
import type { Hop } from '../contracts/route.ts'
import type { Target } from '../contracts/target.ts'
import { createSocksReplyReader } from '../wire/socks-reply.ts'
import { formatAuthority } from '../wire/target.ts'
import { type Handshake, type HandshakeContext, shakeHands } from './handshake.ts'
import { describeHop, failedHop, failedToReach } from './hop-error.ts'
import { type PackageHandshake, type SocksCommand, startPackageHandshake } from './socks-package.ts'
import { socksRefused } from './socks-refusal.ts'

export interface SocksOptions {
  readonly clock: Clock
  readonly handshakeMs: number
}

/** RFC 1929 §2: one byte of length each. */
const CREDENTIAL_LIMIT_BYTES = 255

/**
 * A dialer through a SOCKS4, 4a or 5 proxy (RFC 1928, RFC 1929), over the dialer that reaches the proxy. A name is sent as a name;
 * whoever wants it resolved here puts `resolvingFirst` before this.
 */
export function overSocks(hop: Hop, inner: StreamDialer, options: SocksOptions): StreamDialer {
  return {
    async dial(target, { signal }) {
      assertCarries(hop, target)
      return (await askSocks('connect', target, hop, inner, options, signal)).conn
    },
  }
}

/** A SOCKS proxy's yes, and the connection it was given on. */
export interface SocksAnswer {
  readonly conn: Conn
  /** The whole reply; of SOCKS5, `VER REP RSV` and the address it has bound. */
  readonly reply: Buffer
}

/** One conversation with a SOCKS proxy, from the dial to its yes. When it rejects, nothing is left open. */
export async function askSocks(
  command: SocksCommand,
  target: Omit<Target, 'family'>,
  hop: Hop,
  inner: StreamDialer,
  options: SocksOptions,
  signal: AbortSignal,
): Promise<SocksAnswer> {
  const unusable = unusableCredentials(hop)
  if (unusable !== undefined) throw unusable
  const conn = await inner.dial(hop, { signal }).catch((error: unknown) => {
    throw failedToReach(hop, error)
  })
  const context: HandshakeContext = { hop, signal, clock: options.clock, handshakeMs: options.handshakeMs }
  let client: PackageHandshake | undefined
  try {
    client = startPackageHandshake(conn, hop, target, command)
    const reply = await shakeHands(conn, context, readReplies(hop, target, client, command))
    await client.established
    return { conn, reply }
  } catch (error) {
    client?.dispose()
    conn.destroy()
    throw error instanceof GatewayError
      ? error
      : fault(hop, 'PROXY_PROTOCOL_ERROR', 'answered what its client could not follow')
  }
}

function readReplies(
  hop: Hop,
  target: Omit<Target, 'family'>,
  client: PackageHandshake,
  command: SocksCommand,
): Handshake<Buffer> {
  const reader = createSocksReplyReader(versionOf(hop), hop.credentials !== undefined)
  return {
    get begun() {
      return reader.begun
    },
    onBytes(bytes) {
      const step = reader.push(bytes)
      switch (step.kind) {
        case 'more':
          return undefined
        case 'message':
          client.deliver(step.bytes)
          return step.last ? { value: step.bytes, rest: step.rest } : undefined
        case 'refused':
          throw socksRefused(hop, target, step.refusal, command)
        case 'bad':
          throw fault(
            hop,
            'PROXY_PROTOCOL_ERROR',
            step.why,
            'Check the address of the proxy and its kind: http://, https:// or socks5://.',
          )
      }
    },
  }
}

function versionOf(hop: Hop): 4 | 5 {
  return hop.kind === 'socks4' || hop.kind === 'socks4a' ? 4 : 5
}

function assertCarries(hop: Hop, target: Target): void {
  const address = formatAuthority(target)
  if (versionOf(hop) === 4 && target.family === 6) {
    throw fault(
      hop,
      'ADDRESS_TYPE_NOT_SUPPORTED',
      `cannot carry ${address}: SOCKS4 knows no IPv6`,
      'Use a socks5:// proxy for it.',
    )
  }
  // `Target` holds A-labels only; the length is checked again because the package would send a wrong one.
  if (target.family === 0 && !/^[\x21-\x7e]{1,255}$/.test(target.host)) {
    throw fault(hop, 'ADDRESS_TYPE_NOT_SUPPORTED', 'cannot carry that name: it is not 1 to 255 ASCII characters')
  }
}

function unusableCredentials(hop: Hop): GatewayError | undefined {
  if (hop.credentials === undefined) return undefined
  const { username, password } = hop.credentials
  if (versionOf(hop) === 4) {
    // SOCKS4 has a user name that a NUL ends, and no password at all.
    if (!username.includes('\0') && Buffer.byteLength(username) <= CREDENTIAL_LIMIT_BYTES) return undefined
    return fault(hop, 'PROXY_AUTH_FAILED', 'cannot be given that user name: it is too long or holds a NUL')
  }
  for (const [what, text] of [['user name', username] as const, ['password', password.reveal()] as const]) {
    if (Buffer.byteLength(text) > CREDENTIAL_LIMIT_BYTES) {
      return fault(
        hop,
        'PROXY_AUTH_FAILED',
        `cannot be given that ${what}: it is longer than ${CREDENTIAL_LIMIT_BYTES} bytes`,
      )
    }
  }
  return undefined
}

function fault(hop: Hop, code: ErrorCode, words: string, hint?: string): GatewayError {
  return new GatewayError(code, `${describeHop(hop)} ${words}`, {
    hop: failedHop(hop),
    ...(hint !== undefined && { hint }),
  })
}
