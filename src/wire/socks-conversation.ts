import type { DoorAuth } from '../contracts/door.ts'
import { type ErrorCode, GatewayError, toGatewayError } from '../contracts/gateway-error.ts'
import type { Target } from '../contracts/target.ts'
import { encodeSocks4Reply, parseSocks4Request, SOCKS4_COMMAND, SOCKS4_REPLY, SOCKS4_VERSION } from './socks4.ts'
import {
  encodeSocks5Method,
  encodeSocks5PasswordVerdict,
  encodeSocks5Reply,
  parseSocks5Greeting,
  parseSocks5Password,
  parseSocks5Request,
  SOCKS5_COMMAND,
  SOCKS5_METHOD,
  SOCKS5_REPLY,
  SOCKS5_VERSION,
  type Socks5Reply,
} from './socks5.ts'

/** What a client asks for once it has said all that the protocol lets it say before the answer. */
export interface SocksRequest {
  readonly version: 4 | 5
  /** `associate`: a relay for datagrams (RFC 1928 §7), and `host` and `port` are where the client will send them from, if it knows. */
  readonly command: 'connect' | 'associate'
  readonly host: string
  readonly port: number
  readonly user?: string
}

/** What the door is to do after some bytes: send these bytes, and then wait, serve the request, or hang up. */
export type SocksStep =
  | { readonly kind: 'more'; readonly send?: Buffer }
  | { readonly kind: 'request'; readonly request: SocksRequest; readonly send?: Buffer; readonly rest: Buffer }
  | { readonly kind: 'failed'; readonly error: GatewayError; readonly send?: Buffer }

/**
 * The server's side of a SOCKS4, 4a or 5 negotiation without a socket: bytes in, steps out. After `request` or `failed` it is over.
 * It holds less than one message (at most 515 bytes) beside the chunk it was given.
 */
export class SocksConversation {
  readonly #auth: DoorAuth | undefined
  readonly #offersAssociate: boolean
  #state: 'version' | 'socks4' | 'greeting' | 'password' | 'request' | 'over' = 'version'
  #held: Buffer = Buffer.alloc(0)
  #user: string | undefined

  constructor(auth?: DoorAuth, { offersAssociate = false } = {}) {
    this.#auth = auth
    this.#offersAssociate = offersAssociate
  }

  push(chunk: Buffer): SocksStep {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    const sent: Buffer[] = []
    try {
      for (;;) {
        const step = this.#advance()
        if (step.send) sent.push(step.send)
        if (step.kind === 'again') continue
        return finish(step, sent)
      }
    } catch (thrown) {
      const error = toGatewayError(thrown)
      const reply = this.#state === 'request' || this.#state === 'socks4' ? this.reply(error.code) : undefined
      this.#state = 'over'
      if (reply) sent.push(reply)
      return finish({ kind: 'failed', error }, sent)
    }
  }

  #version: 4 | 5 = 5

  /** The reply that tells a client of UDP ASSOCIATE where to send its datagrams. */
  replyAssociated(bound: Pick<Target, 'host' | 'family' | 'port'>): Buffer {
    return encodeSocks5Reply(SOCKS5_REPLY.succeeded, bound)
  }

  /** The reply that tells this client of a failure, or of success when no code is given. */
  reply(code?: ErrorCode): Buffer {
    if (this.#version === 4) {
      return encodeSocks4Reply(code === undefined ? SOCKS4_REPLY.granted : SOCKS4_REPLY.rejected)
    }
    return encodeSocks5Reply(code === undefined ? SOCKS5_REPLY.succeeded : socks5ReplyFor(code))
  }

  #advance(): SocksStep | { readonly kind: 'again'; readonly send?: Buffer } {
    switch (this.#state) {
      case 'version':
        return this.#readVersion()
      case 'socks4':
        return this.#readSocks4Request()
      case 'greeting':
        return this.#readGreeting()
      case 'password':
        return this.#readPassword()
      case 'request':
        return this.#readSocks5Request()
      case 'over':
        throw new Error('bytes pushed into a SOCKS conversation that is over')
    }
  }

  #readVersion(): SocksStep | { kind: 'again' } {
    const version = this.#held[0]
    if (version === undefined) return { kind: 'more' }
    if (version === SOCKS4_VERSION) {
      this.#version = 4
      this.#state = 'socks4'
    } else if (version === SOCKS5_VERSION) {
      this.#state = 'greeting'
    } else {
      throw new GatewayError('BAD_REQUEST', `the first byte is ${version}, expected 4 or 5 (SOCKS)`)
    }
    return { kind: 'again' }
  }

  #readGreeting(): SocksStep | { kind: 'again'; send: Buffer } {
    const greeting = parseSocks5Greeting(this.#held)
    if (!greeting) return { kind: 'more' }
    this.#held = this.#held.subarray(greeting.length)
    const method = this.#auth ? SOCKS5_METHOD.password : SOCKS5_METHOD.none
    if (!greeting.value.includes(method)) {
      this.#state = 'over'
      return {
        kind: 'failed',
        error: this.#auth
          ? new GatewayError('AUTH_REQUIRED', 'the SOCKS5 client did not offer user name and password', {
              hint: 'Give the client a user name and password for this proxy.',
            })
          : new GatewayError('BAD_REQUEST', 'the SOCKS5 client did not offer to go without authentication', {
              hint: 'This door asks for no credentials; remove them from the client or set listen.auth.',
            }),
        send: encodeSocks5Method(SOCKS5_METHOD.noneAcceptable),
      }
    }
    this.#state = this.#auth ? 'password' : 'request'
    return { kind: 'again', send: encodeSocks5Method(method) }
  }

  #readPassword(): SocksStep | { kind: 'again'; send: Buffer } {
    const parsed = parseSocks5Password(this.#held)
    if (!parsed) return { kind: 'more' }
    this.#held = this.#held.subarray(parsed.length)
    const { username, password } = parsed.value
    if (!this.#auth?.verify(username, password)) {
      this.#state = 'over'
      return {
        kind: 'failed',
        error: new GatewayError('AUTH_REQUIRED', 'wrong user name or password'),
        send: encodeSocks5PasswordVerdict(false),
      }
    }
    this.#user = username
    this.#state = 'request'
    return { kind: 'again', send: encodeSocks5PasswordVerdict(true) }
  }

  #readSocks5Request(): SocksStep {
    const parsed = parseSocks5Request(this.#held)
    if (!parsed) return { kind: 'more' }
    const { command, host, port } = parsed.value
    const isAssociate = command === SOCKS5_COMMAND.associate && this.#offersAssociate
    if (command !== SOCKS5_COMMAND.connect && !isAssociate) throw commandNotSupported(5, command)
    return this.#requested({ version: 5, command: isAssociate ? 'associate' : 'connect', host, port }, parsed.length)
  }

  #readSocks4Request(): SocksStep {
    const parsed = parseSocks4Request(this.#held)
    if (!parsed) return { kind: 'more' }
    if (parsed.value.command !== SOCKS4_COMMAND.connect) throw commandNotSupported(4, parsed.value.command)
    if (this.#auth) {
      throw new GatewayError('AUTH_REQUIRED', 'SOCKS4 has no passwords and this door asks for one', {
        hint: 'Use SOCKS5 or HTTP with a user name and password.',
      })
    }
    const { host, port } = parsed.value
    return this.#requested({ version: 4, command: 'connect', host, port }, parsed.length)
  }

  #requested(request: SocksRequest, length: number): SocksStep {
    this.#state = 'over'
    const rest = this.#held.subarray(length)
    this.#held = Buffer.alloc(0)
    return { kind: 'request', request: this.#user === undefined ? request : { ...request, user: this.#user }, rest }
  }
}

function finish(step: SocksStep, sent: readonly Buffer[]): SocksStep {
  const { send: _, ...rest } = step
  return sent.length === 0 ? rest : { ...rest, send: sent.length === 1 ? sent[0]! : Buffer.concat(sent) }
}

function commandNotSupported(version: number, command: number): GatewayError {
  const name = ({ 1: 'CONNECT', 2: 'BIND', 3: 'UDP ASSOCIATE' } as const)[command] ?? 'unknown'
  return new GatewayError('COMMAND_NOT_SUPPORTED', `SOCKS${version} command ${command} (${name}) is not supported`, {
    hint: 'CONNECT is; UDP ASSOCIATE at doors on a TCP port in clear, unless the settings turn it off.',
  })
}

/** RFC 1928 §6 has eight ways to say no; each code takes the nearest, so that clients can tell the cases apart. */
export function socks5ReplyFor(code: ErrorCode): Socks5Reply {
  switch (code) {
    case 'POLICY_REJECTED':
    case 'ACCESS_DENIED':
    case 'AUTH_REQUIRED':
    case 'LOOP_DETECTED':
    case 'PAC_FAILED':
      return SOCKS5_REPLY.notAllowed
    case 'NETWORK_UNREACHABLE':
    case 'HOST_UNREACHABLE':
      return SOCKS5_REPLY.networkUnreachable
    // As Tor and dante answer it. It stands alone in 4, so that "no such name" and "no way there" can be told apart.
    case 'RESOLVE_FAILED':
      return SOCKS5_REPLY.hostUnreachable
    case 'CONNECT_REFUSED':
    // As Tor answers it: whoever resets what is being set up wants no connection, and the door itself is sound.
    case 'CONNECT_RESET':
      return SOCKS5_REPLY.connectionRefused
    case 'CONNECT_TIMEOUT':
    case 'UPSTREAM_TIMEOUT':
      return SOCKS5_REPLY.ttlExpired
    case 'COMMAND_NOT_SUPPORTED':
      return SOCKS5_REPLY.commandNotSupported
    case 'ADDRESS_TYPE_NOT_SUPPORTED':
      return SOCKS5_REPLY.addressTypeNotSupported
    case 'BAD_REQUEST':
    case 'CONNECT_FAILED':
    case 'PROXY_AUTH_FAILED':
    case 'PROXY_REFUSED':
    case 'PROXY_PROTOCOL_ERROR':
    case 'TLS_FAILED':
    case 'UPSTREAM_PROTOCOL_ERROR':
    case 'LIMIT_REACHED':
    case 'SHUTTING_DOWN':
    case 'CLIENT_GONE':
    case 'INTERNAL':
      return SOCKS5_REPLY.generalFailure
  }
}
