/**
 * Netlink messages of netfilter as bytes (linux/netlink.h, linux/netfilter/nfnetlink.h). Header fields are in the machine's byte order, which
 * is little-endian wherever Node runs on Linux but s390x; netfilter's own attributes are big-endian.
 */
export interface Attribute {
  readonly type: number
  readonly value: Uint8Array | readonly Attribute[]
}

export interface Message {
  readonly type: number
  readonly flags: number
  readonly sequence: number
  /** `nfgen_family`. */
  readonly family: number
  /** `res_id`: a queue's number, a subsystem in a batch. */
  readonly resource: number
  readonly attributes: readonly Attribute[]
}

export const NLM_F_REQUEST = 1
export const NLM_F_ACK = 4
export const NLM_F_CREATE = 0x400
export const NLM_F_APPEND = 0x800
export const NLMSG_ERROR = 2
const NLA_F_NESTED = 0x8000
const NLA_TYPE_MASK = 0x3fff
const HEADER_BYTES = 16
const GENERIC_BYTES = 4

export function encodeMessage(message: Message): Buffer {
  const body = Buffer.concat(message.attributes.map(encodeAttribute))
  const head = Buffer.alloc(HEADER_BYTES + GENERIC_BYTES)
  head.writeUInt32LE(head.length + body.length, 0)
  head.writeUInt16LE(message.type, 4)
  head.writeUInt16LE(message.flags, 6)
  head.writeUInt32LE(message.sequence, 8)
  head.writeUInt8(message.family, 16)
  head.writeUInt16BE(message.resource, 18)
  return Buffer.concat([head, body])
}

function encodeAttribute({ type, value }: Attribute): Buffer {
  const nested = !(value instanceof Uint8Array)
  const body = nested ? Buffer.concat(value.map(encodeAttribute)) : Buffer.from(value)
  const length = 4 + body.length
  const bytes = Buffer.alloc((length + 3) & ~3)
  bytes.writeUInt16LE(length, 0)
  bytes.writeUInt16LE(nested ? type | NLA_F_NESTED : type, 2)
  body.copy(bytes, 4)
  return bytes
}

export function text(value: string): Buffer {
  return Buffer.from(`${value}\0`, 'latin1')
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value >>> 0)
  return bytes
}

export interface Received {
  readonly type: number
  readonly sequence: number
  /** Of an `NLMSG_ERROR`: 0 is an acknowledgement, otherwise a negative errno. */
  readonly error?: number
  /** Top-level attributes by type; views of the received bytes. */
  readonly attributes: ReadonlyMap<number, Buffer>
}

/** The messages of one datagram. What is cut short or makes no sense is left out: the kernel sends no such thing. */
export function decodeMessages(bytes: Buffer): Received[] {
  const messages: Received[] = []
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const length = bytes.readUInt32LE(at)
    if (length < HEADER_BYTES || at + length > bytes.length) break
    const type = bytes.readUInt16LE(at + 4)
    const sequence = bytes.readUInt32LE(at + 8)
    const body = bytes.subarray(at + HEADER_BYTES, at + length)
    if (type === NLMSG_ERROR) {
      messages.push({ type, sequence, error: body.length >= 4 ? body.readInt32LE(0) : -1, attributes: new Map() })
    } else {
      messages.push({ type, sequence, attributes: decodeAttributes(body.subarray(GENERIC_BYTES)) })
    }
    at += (length + 3) & ~3
  }
  return messages
}

/** By type; what is cut short is left out. */
export function decodeAttributes(bytes: Buffer): Map<number, Buffer> {
  const attributes = new Map<number, Buffer>()
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt16LE(at)
    if (length < 4 || at + length > bytes.length) break
    attributes.set(bytes.readUInt16LE(at + 2) & NLA_TYPE_MASK, bytes.subarray(at + 4, at + length))
    at += (length + 3) & ~3
  }
  return attributes
}
