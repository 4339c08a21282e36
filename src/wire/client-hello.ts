/** What the first bytes of a connection say, if they are TLS. */
export type ClientHello =
  /** Not there yet, and so far it may be one. */
  | { readonly kind: 'more' }
  | { readonly kind: 'other' }
  | {
      readonly kind: 'hello'
      /** As it was sent (RFC 6066 §3), not yet checked to be a name. */
      readonly serverName?: string
      /** Encrypted ClientHello is offered: the name is that of the provider's front, and only a hint (RFC 9849). GREASE looks the same. */
      readonly encrypted: boolean
    }

const RECORD_HEADER = 5
const HANDSHAKE_RECORD = 22
const CLIENT_HELLO = 1
/** RFC 8446 §5.1: 2^14; some stacks of old sent a little more. */
const MAX_RECORD = 18 * 1024
const EXTENSION_SERVER_NAME = 0
const EXTENSION_ENCRYPTED_HELLO = 0xfe0d
const HOST_NAME = 0

/**
 * Reads a ClientHello (RFC 8446 §4.1.2) from the beginning of a stream, however it is cut into records and segments. Unknown versions,
 * cipher suites and extensions, GREASE (RFC 8701) among them, are passed over. Never throws; anything that is no ClientHello is `other`.
 */
export function readClientHello(bytes: Uint8Array): ClientHello {
  const gathered = gatherHandshake(bytes)
  if (gathered === 'more' || gathered === 'other') return { kind: gathered }
  return readHello(gathered)
}

/** The whole handshake message out of its records (RFC 8446 §5.1: it may be split over several), of which there may be thousands: put together once all are there. */
function gatherHandshake(bytes: Uint8Array): Uint8Array | 'more' | 'other' {
  const start: number[] = []
  let have = 0
  let wanted: number | undefined
  for (let at = 0; ; ) {
    if (at < bytes.length && bytes[at] !== HANDSHAKE_RECORD) return 'other'
    if (at + 1 < bytes.length && bytes[at + 1] !== 3) return 'other'
    const body = at + RECORD_HEADER
    if (bytes.length < body) return 'more'
    const length = bytes[at + 3]! * 256 + bytes[at + 4]!
    if (length === 0 || length > MAX_RECORD) return 'other'
    const end = Math.min(bytes.length, body + length)
    for (let place = body; place < end && start.length < START; place += 1) start.push(bytes[place]!)
    if (start.length > 0 && start[0] !== CLIENT_HELLO) return 'other'
    if (wanted === undefined && start.length === START) {
      wanted = START + start[1]! * 65_536 + start[2]! * 256 + start[3]!
      if (wanted > MAX_HELLO) return 'other'
    }
    have += end - body
    if (wanted !== undefined && have >= wanted) return gathered(bytes, wanted).subarray(START)
    if (end < body + length) return 'more'
    at = end
  }
}

/** Bytes of a handshake message's type and length (RFC 8446 §4). */
const START = 4

/** So many bytes of the message, whose records are whole as far as those are. */
function gathered(bytes: Uint8Array, wanted: number): Uint8Array {
  const message = new Uint8Array(wanted)
  for (let at = 0, have = 0; have < wanted; ) {
    const body = at + RECORD_HEADER
    const end = body + Math.min(bytes[at + 3]! * 256 + bytes[at + 4]!, wanted - have)
    message.set(bytes.subarray(body, end), have)
    have += end - body
    at = end
  }
  return message
}

/** Bytes. With post-quantum key shares a ClientHello has about two thousand. */
const MAX_HELLO = 64 * 1024

function readHello(hello: Uint8Array): ClientHello {
  const reader = new Reader(hello)
  reader.skip(2 + 32) // legacy_version, random
  reader.skip(reader.number(1)) // legacy_session_id
  reader.skip(reader.number(2)) // cipher_suites
  reader.skip(reader.number(1)) // legacy_compression_methods
  if (reader.failed) return { kind: 'other' }
  // Before TLS 1.2 there need be no extensions at all.
  if (reader.left === 0) return { kind: 'hello', encrypted: false }
  const extensions = reader.take(reader.number(2))
  let serverName: string | undefined
  let encrypted = false
  while (!extensions.failed && extensions.left > 0) {
    const type = extensions.number(2)
    const body = extensions.take(extensions.number(2))
    if (type === EXTENSION_SERVER_NAME) serverName = readServerName(body)
    if (type === EXTENSION_ENCRYPTED_HELLO) encrypted = true
  }
  if (reader.failed || extensions.failed) return { kind: 'other' }
  return { kind: 'hello', encrypted, ...(serverName === undefined ? {} : { serverName }) }
}

function readServerName(body: Reader): string | undefined {
  const list = body.take(body.number(2))
  while (!list.failed && list.left > 0) {
    const type = list.number(1)
    const name = list.take(list.number(2))
    if (type === HOST_NAME && !list.failed && name.left > 0) return name.latin1()
  }
  return undefined
}

/** Reads big-endian numbers and pieces; past the end it gives zeros and says so in `failed`. */
class Reader {
  readonly #bytes: Uint8Array
  #at = 0
  failed = false

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  number(octets: 1 | 2): number {
    if (this.left < octets) {
      this.failed = true
      this.#at = this.#bytes.length
      return 0
    }
    const high = this.#bytes[this.#at]!
    const value = octets === 1 ? high : high * 256 + this.#bytes[this.#at + 1]!
    this.#at += octets
    return value
  }

  skip(octets: number): void {
    this.take(octets)
  }

  take(octets: number): Reader {
    if (this.left < octets) this.failed = true
    const taken = new Reader(this.#bytes.subarray(this.#at, this.#at + octets))
    if (this.left < octets) taken.failed = true
    this.#at = Math.min(this.#bytes.length, this.#at + octets)
    return taken
  }

  latin1(): string {
    return String.fromCharCode(...this.#bytes.subarray(this.#at))
  }
}
