import { cleanText } from './clean-text.ts'
import { guessProtocol } from './guess-protocol.ts'

/** What a SOCKS server said no to, before it is put in words. */
export type SocksRefusal =
  | { readonly version: 4; readonly reply: number }
  | { readonly version: 5; readonly reply: number }
  | { readonly version: 5; readonly noMethod: true }
  | { readonly version: 5; readonly wrongPassword: true }

export type SocksReplyStep =
  | { readonly kind: 'more' }
  /** One whole, valid message; the client may now send its next one. `last`: the tunnel stands and `rest` belongs to it. */
  | { readonly kind: 'message'; readonly bytes: Buffer; readonly last: boolean; readonly rest: Buffer }
  | { readonly kind: 'refused'; readonly refusal: SocksRefusal }
  /** `why` completes the sentence "the proxy …". */
  | { readonly kind: 'bad'; readonly why: string }

export interface SocksReplyReader {
  push(chunk: Buffer): SocksReplyStep
  readonly begun: boolean
}

const MORE: SocksReplyStep = { kind: 'more' }
/** RFC 1928 §5: 4 bytes before the address; then the address; then 2 bytes of port. */
const HEADER = 4
const PORT = 2

/**
 * Reads what a SOCKS server sends to a client that asks for CONNECT (RFC 1928, RFC 1929, the SOCKS4 memo), strictly:
 * never past the end of the reply, so what follows is the target's; nothing that comes before it could have been asked for.
 * The longest conversation is 2 + 2 + 262 bytes, so there is no other limit to set.
 */
export function createSocksReplyReader(version: 4 | 5, offersPassword: boolean): SocksReplyReader {
  let pending: Buffer = Buffer.alloc(0)
  let awaiting: 'socks4' | 'method' | 'password' | 'reply' = version === 4 ? 'socks4' : 'method'
  let begun = false

  return {
    get begun() {
      return begun
    },
    push(chunk) {
      begun ||= chunk.length > 0
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
      switch (awaiting) {
        case 'socks4':
          return socks4Reply()
        case 'method':
          return method()
        case 'password':
          return password()
        case 'reply':
          return reply()
      }
    },
  }

  function socks4Reply(): SocksReplyStep {
    const [zero, code] = pending
    // The reply's version is 0, not 4.
    if (zero !== undefined && zero !== 0) return bad(notSocks(4, pending))
    if (code !== undefined && (code < 90 || code > 93)) return bad(notSocks(4, pending))
    if (pending.length < 8) return MORE
    return code === 90 ? message(8, true) : { kind: 'refused', refusal: { version: 4, reply: code! } }
  }

  function method(): SocksReplyStep {
    if (pending.length > 0 && pending[0] !== 5) return bad(notSocks(5, pending))
    if (pending.length < 2) return MORE
    const chosen = pending[1]
    if (chosen === 0xff) return { kind: 'refused', refusal: { version: 5, noMethod: true } }
    // "No authentication" is offered even beside a password: a server that wants none is no less trusted than one that takes any.
    if (chosen !== 0 && !(chosen === 2 && offersPassword)) {
      return bad(`chose authentication method ${chosen}, which it was not offered`)
    }
    awaiting = chosen === 2 ? 'password' : 'reply'
    return message(2, false)
  }

  function password(): SocksReplyStep {
    // RFC 1929 §2 says version 1; some servers answer 5.
    if (pending.length > 0 && pending[0] !== 1 && pending[0] !== 5) return bad('answered the password with rubbish')
    if (pending.length < 2) return MORE
    if (pending[1] !== 0) return { kind: 'refused', refusal: { version: 5, wrongPassword: true } }
    awaiting = 'reply'
    return message(2, false)
  }

  function reply(): SocksReplyStep {
    if (pending.length > 0 && pending[0] !== 5) return bad(notSocks(5, pending))
    if (pending.length < 2) return MORE
    // Refusals are often cut short after the code, so nothing more is waited for.
    if (pending[1] !== 0) return { kind: 'refused', refusal: { version: 5, reply: pending[1]! } }
    if (pending.length < HEADER) return MORE
    const address = addressLength(pending[3]!, pending[4])
    if (address === 'bad') return bad(`sent a reply with unknown address type ${pending[3]}`)
    if (address === 'more' || pending.length < HEADER + address + PORT) return MORE
    return message(HEADER + address + PORT, true)
  }

  function message(length: number, last: boolean): SocksReplyStep {
    const bytes = pending.subarray(0, length)
    const rest = pending.subarray(length)
    pending = Buffer.alloc(0)
    if (!last && rest.length > 0) return bad('answered before it was asked')
    return { kind: 'message', bytes, last, rest }
  }
}

/** RFC 1928 §5: ATYP 1 is IPv4, 3 a name with a length byte, 4 IPv6. */
function addressLength(type: number, lengthByte: number | undefined): number | 'more' | 'bad' {
  if (type === 1) return 4
  if (type === 4) return 16
  if (type !== 3) return 'bad'
  return lengthByte === undefined ? 'more' : 1 + lengthByte
}

function notSocks(version: 4 | 5, bytes: Buffer): string {
  const guess = guessProtocol(bytes)
  // The first line of a text protocol says more than any guess.
  const quote = /^[\x20-\x7e]{8,}/.test(bytes.toString('latin1')) ? `: ${cleanText(bytes.toString('latin1'), 60)}` : ''
  return `did not answer in SOCKS${version}${guess === undefined ? '' : `; it looks like ${guess}`}${quote}`
}

function bad(why: string): SocksReplyStep {
  return { kind: 'bad', why }
}
