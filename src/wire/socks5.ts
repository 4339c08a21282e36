import { GatewayError } from '../contracts/gateway-error.ts'
import type { Target } from '../contracts/target.ts'
import { addressBytes } from './address.ts'

/**
 * SOCKS version 5 as a server reads and writes it (RFC 1928, RFC 1929). Each `parse…` takes the bytes so far and answers with the message
 * and its length, with `undefined` when more bytes are needed, or throws BAD_REQUEST as soon as the bytes can no longer become a message.
 * The longest message is 515 bytes, so nothing here needs a limit of its own.
 */
export const SOCKS5_VERSION = 5
const PASSWORD_VERSION = 1

export const SOCKS5_METHOD = { none: 0x00, password: 0x02, noneAcceptable: 0xff } as const
export const SOCKS5_COMMAND = { connect: 1, bind: 2, associate: 3 } as const
const ADDRESS_TYPE = { ipv4: 1, name: 3, ipv6: 4 } as const

/** Reply field of RFC 1928 §6. */
export const SOCKS5_REPLY = {
  succeeded: 0,
  generalFailure: 1,
  notAllowed: 2,
  networkUnreachable: 3,
  hostUnreachable: 4,
  connectionRefused: 5,
  ttlExpired: 6,
  commandNotSupported: 7,
  addressTypeNotSupported: 8,
} as const
export type Socks5Reply = (typeof SOCKS5_REPLY)[keyof typeof SOCKS5_REPLY]

export interface Parsed<T> {
  readonly value: T
  /** How many bytes the message took. */
  readonly length: number
}

export interface Socks5Request {
  readonly command: number
  /** As sent: a dotted IPv4 address, an IPv6 address, or a name in whatever spelling; not yet canonical. */
  readonly host: string
  readonly port: number
}

/** `VER NMETHODS METHODS` (RFC 1928 §3). */
export function parseSocks5Greeting(bytes: Buffer): Parsed<readonly number[]> | undefined {
  const count = bytes[1]
  if (count === undefined || bytes.length < 2 + count) return undefined
  return { value: [...bytes.subarray(2, 2 + count)], length: 2 + count }
}

export function encodeSocks5Method(method: number): Buffer {
  return Buffer.of(SOCKS5_VERSION, method)
}

/** `VER ULEN UNAME PLEN PASSWD` (RFC 1929 §2), both as UTF-8. */
export function parseSocks5Password(bytes: Buffer): Parsed<{ username: string; password: string }> | undefined {
  const [version, usernameLength] = bytes
  if (version !== undefined && version !== PASSWORD_VERSION) {
    throw malformed(`username/password message has version ${version}, expected ${PASSWORD_VERSION} (RFC 1929)`)
  }
  if (usernameLength === undefined) return undefined
  const passwordLength = bytes[2 + usernameLength]
  if (passwordLength === undefined) return undefined
  const length = 3 + usernameLength + passwordLength
  if (bytes.length < length) return undefined
  return {
    value: {
      username: bytes.toString('utf8', 2, 2 + usernameLength),
      password: bytes.toString('utf8', 3 + usernameLength, length),
    },
    length,
  }
}

export function encodeSocks5PasswordVerdict(accepted: boolean): Buffer {
  return Buffer.of(PASSWORD_VERSION, accepted ? 0 : 1)
}

/** `VER CMD RSV ATYP DST.ADDR DST.PORT` (RFC 1928 §4). An unknown address type throws ADDRESS_TYPE_NOT_SUPPORTED. */
export function parseSocks5Request(bytes: Buffer): Parsed<Socks5Request> | undefined {
  const [version, command, reserved] = bytes
  if (version !== undefined && version !== SOCKS5_VERSION) {
    throw malformed(`SOCKS request has version ${version}, expected ${SOCKS5_VERSION} (RFC 1928 §4)`)
  }
  if (reserved !== undefined && reserved !== 0) {
    throw malformed(`SOCKS request has reserved byte ${reserved}, expected 0 (RFC 1928 §4)`)
  }
  if (command === undefined) return undefined
  const parsed = parseSocks5Address(bytes, 3)
  return parsed && { value: { command, ...parsed.value }, length: 3 + parsed.length }
}

/** `ATYP ADDR PORT` (RFC 1928 §5) from byte `at`; `length` counts from there. An unknown type throws ADDRESS_TYPE_NOT_SUPPORTED. */
export function parseSocks5Address(bytes: Buffer, at: number): Parsed<Omit<Socks5Request, 'command'>> | undefined {
  const [type, first] = [bytes[at], bytes[at + 1]]
  if (type === undefined) return undefined
  const addressLength = addressLengthOf(type, first)
  const end = at + 1 + (addressLength ?? 0)
  if (addressLength === undefined || bytes.length < end + 2) return undefined
  return {
    value: { host: hostOf(type, bytes.subarray(at + 1, end)), port: bytes.readUInt16BE(end) },
    length: 1 + addressLength + 2,
  }
}

/** `ATYP ADDR PORT` (RFC 1928 §5) of a place; a name is ASCII and at most 253 bytes long by `Target`'s own rules. */
export function encodeSocks5Address({ host, family, port }: Pick<Target, 'host' | 'family' | 'port'>): Buffer {
  const address = family === 0 ? Buffer.from(host, 'latin1') : addressBytes(host)
  const head = family === 0 ? Buffer.of(ADDRESS_TYPE.name, address.length) : Buffer.of(family === 4 ? 1 : 4)
  return Buffer.concat([head, address, Buffer.of(port >> 8, port & 0xff)])
}

/**
 * A reply with BND.ADDR 0.0.0.0:0, for what we are bound to is nobody's business and clients of CONNECT do not need it; those of UDP ASSOCIATE
 * are told where to send their datagrams.
 */
export function encodeSocks5Reply(reply: Socks5Reply, bound: Bound = NOWHERE): Buffer {
  return Buffer.concat([Buffer.of(SOCKS5_VERSION, reply, 0), encodeSocks5Address(bound)])
}

type Bound = Pick<Target, 'host' | 'family' | 'port'>
const NOWHERE: Bound = { host: '0.0.0.0', family: 4, port: 0 }

function addressLengthOf(type: number, first: number | undefined): number | undefined {
  switch (type) {
    case ADDRESS_TYPE.ipv4:
      return 4
    case ADDRESS_TYPE.ipv6:
      return 16
    case ADDRESS_TYPE.name:
      if (first === 0) throw malformed('SOCKS request names an empty host')
      return first === undefined ? undefined : 1 + first
    default:
      throw new GatewayError('ADDRESS_TYPE_NOT_SUPPORTED', `SOCKS address type ${type} is not known`, {
        hint: 'Known types are 1 (IPv4), 3 (name) and 4 (IPv6), RFC 1928 §5.',
      })
  }
}

function hostOf(type: number, address: Buffer): string {
  switch (type) {
    case ADDRESS_TYPE.ipv4:
      return address.join('.')
    case ADDRESS_TYPE.ipv6:
      return Array.from({ length: 8 }, (_, group) => address.readUInt16BE(group * 2).toString(16)).join(':')
    default:
      return decodeName(address.subarray(1))
  }
}

/** Names are ASCII by the standard; clients that send UTF-8 are understood, anything else is refused. */
export function decodeName(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw malformed('SOCKS request names a host that is neither ASCII nor UTF-8')
  }
}

function malformed(message: string): GatewayError {
  return new GatewayError('BAD_REQUEST', message, { hint: 'Check that the client speaks SOCKS to this port.' })
}
