import { DnsFormatError } from './format-error.ts'
import { readName } from './name.ts'
import { TYPE } from './numbers.ts'

export type Section = 'answer' | 'authority' | 'additional'

export interface DnsQuestion {
  /** See `ReadName.wire`. */
  readonly name: Buffer
  readonly type: number
  readonly class: number
}

/** One resource record, by its places in the message; nothing of it is copied. */
export interface DnsRecord {
  readonly section: Section
  readonly start: number
  readonly type: number
  readonly class: number
  readonly ttl: number
  readonly ttlAt: number
  readonly dataAt: number
  readonly end: number
}

/** RFC 6891 §6.1. */
export interface Edns {
  readonly udpSize: number
  readonly version: number
  /** The upper eight bits of the extended rcode. */
  readonly upperRcode: number
  readonly dnssecOk: boolean
}

export interface DnsMessage {
  readonly bytes: Buffer
  readonly id: number
  readonly flags: number
  readonly opcode: number
  /** Of the header: four bits. */
  readonly rcode: number
  readonly question?: DnsQuestion
  /** Where the question ends. */
  readonly questionEnd: number
  readonly records: readonly DnsRecord[]
  readonly edns?: Edns
}

export const HEADER_SIZE = 12

/** Reads a whole message with at most one question, every name and length in it checked. Throws `DnsFormatError` for everything else. */
export function readMessage(bytes: Buffer): DnsMessage {
  if (bytes.length < HEADER_SIZE) throw new DnsFormatError('shorter than a header')
  const flags = bytes.readUInt16BE(2)
  const questions = bytes.readUInt16BE(4)
  if (questions > 1) throw new DnsFormatError('more than one question')
  let at = HEADER_SIZE
  let question: DnsQuestion | undefined
  if (questions === 1) {
    // A pointer here could only lead into the header.
    const name = readName(bytes, at, { pointers: false })
    if (name.end + 4 > bytes.length) throw new DnsFormatError('the question runs past the end')
    question = { name: name.wire, type: bytes.readUInt16BE(name.end), class: bytes.readUInt16BE(name.end + 2) }
    at = name.end + 4
  }
  const questionEnd = at
  const records: DnsRecord[] = []
  for (const [place, section] of SECTIONS.entries()) {
    for (let left = bytes.readUInt16BE(6 + 2 * place); left > 0; left--) {
      const record = readRecord(bytes, at, section)
      records.push(record)
      at = record.end
    }
  }
  if (at !== bytes.length) throw new DnsFormatError('octets after the last record')
  const edns = ednsOf(bytes, records)
  return {
    bytes,
    id: bytes.readUInt16BE(0),
    flags,
    opcode: (flags >> 11) & 0xf,
    rcode: flags & 0xf,
    ...(question ? { question } : {}),
    questionEnd,
    records,
    ...(edns ? { edns } : {}),
  }
}

const SECTIONS = ['answer', 'authority', 'additional'] as const

function readRecord(bytes: Buffer, start: number, section: Section): DnsRecord {
  const { end: at } = readName(bytes, start)
  if (at + 10 > bytes.length) throw new DnsFormatError('a record runs past the end')
  const dataAt = at + 10
  const end = dataAt + bytes.readUInt16BE(at + 8)
  if (end > bytes.length) throw new DnsFormatError('the data of a record runs past the end')
  return {
    section,
    start,
    type: bytes.readUInt16BE(at),
    class: bytes.readUInt16BE(at + 2),
    ttl: bytes.readUInt32BE(at + 4),
    ttlAt: at + 4,
    dataAt,
    end,
  }
}

function ednsOf(bytes: Buffer, records: readonly DnsRecord[]): Edns | undefined {
  const options = records.filter(({ type }) => type === TYPE.OPT)
  const [record] = options
  if (!record) return undefined
  if (options.length > 1 || record.section !== 'additional') throw new DnsFormatError('OPT stands more than once')
  if (bytes[record.start] !== 0) throw new DnsFormatError('OPT has a name')
  return {
    udpSize: record.class,
    version: (record.ttl >>> 16) & 0xff,
    upperRcode: record.ttl >>> 24,
    dnssecOk: (record.ttl & 0x8000) !== 0,
  }
}
