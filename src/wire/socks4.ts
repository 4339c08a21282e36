import { GatewayError } from '../contracts/gateway-error.ts'
import { decodeName, type Parsed } from './socks5.ts'

/**
 * SOCKS version 4 (Ying-Da Lee, "SOCKS: A protocol for TCP proxy across firewalls") and its extension 4a, where the address 0.0.0.x
 * with x ≠ 0 says that the name follows the user id.
 */
export const SOCKS4_VERSION = 4
export const SOCKS4_COMMAND = { connect: 1, bind: 2 } as const

/** Result codes. 4 knows one refusal for every network failure; the two about identd are the only others. */
export const SOCKS4_REPLY = { granted: 0x5a, rejected: 0x5b } as const
export type Socks4Reply = (typeof SOCKS4_REPLY)[keyof typeof SOCKS4_REPLY]

/** Bytes: the specification sets no limit for the user id; the longest login name of a Unix is 32. */
const MAX_USER_ID = 255
/** Bytes: the longest DNS name is 253 characters, with room for a trailing dot. */
const MAX_NAME = 255
const FIXED_LENGTH = 8

export interface Socks4Request {
  readonly command: number
  readonly host: string
  readonly port: number
  readonly userId: string
}

/** `VN CD DSTPORT DSTIP USERID NUL [NAME NUL]`. */
export function parseSocks4Request(bytes: Buffer): Parsed<Socks4Request> | undefined {
  if (bytes.length < FIXED_LENGTH) return undefined
  const userIdEnd = endOfString(bytes, FIXED_LENGTH, MAX_USER_ID, 'user id')
  if (userIdEnd === undefined) return undefined
  const request = {
    command: bytes[1]!,
    port: bytes.readUInt16BE(2),
    userId: bytes.toString('latin1', FIXED_LENGTH, userIdEnd),
  }
  const address = bytes.subarray(4, 8)
  const isName = address[0] === 0 && address[1] === 0 && address[2] === 0 && address[3] !== 0
  if (!isName) return { value: { ...request, host: address.join('.') }, length: userIdEnd + 1 }
  const nameEnd = endOfString(bytes, userIdEnd + 1, MAX_NAME, 'host name')
  if (nameEnd === undefined) return undefined
  if (nameEnd === userIdEnd + 1) throw new GatewayError('BAD_REQUEST', 'SOCKS4a request names an empty host')
  return { value: { ...request, host: decodeName(bytes.subarray(userIdEnd + 1, nameEnd)) }, length: nameEnd + 1 }
}

/** `VN CD DSTPORT DSTIP`, the last two without meaning for CONNECT. */
export function encodeSocks4Reply(reply: Socks4Reply): Buffer {
  return Buffer.of(0, reply, 0, 0, 0, 0, 0, 0)
}

/** Where the NUL is that ends a string, or `undefined` when it has not come yet. */
function endOfString(bytes: Buffer, start: number, limit: number, what: string): number | undefined {
  const end = bytes.indexOf(0, start)
  if ((end === -1 ? bytes.length : end) - start > limit) {
    throw new GatewayError('BAD_REQUEST', `SOCKS4 request has a ${what} longer than ${limit} bytes`)
  }
  return end === -1 ? undefined : end
}
