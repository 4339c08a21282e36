import { DnsFormatError } from './format-error.ts'
import { type DnsMessage, type DnsRecord, HEADER_SIZE, type Section } from './message.ts'
import { nameKey, readName } from './name.ts'
import { MAX_MESSAGE, TYPE } from './numbers.ts'

/** What becomes of a record: kept as it is, left out, or kept with other data. */
export type Edit = 'keep' | 'drop' | Buffer

/**
 * The message with some of its records left out or changed. Names are written in full (those of the question as pointers to it), for pointers
 * into what has moved would lead astray; the data of types that no RFC lets compress is copied octet by octet (RFC 3597 §4).
 * Throws `DnsFormatError` where that grows over 65535 octets.
 */
export function rebuild(message: DnsMessage, edit: (record: DnsRecord) => Edit): Buffer {
  const { bytes, questionEnd, question } = message
  const head = Buffer.from(bytes.subarray(0, questionEnd))
  const counts: Record<Section, number> = { answer: 0, authority: 0, additional: 0 }
  const asked = question && nameKey(question.name)
  const parts: Buffer[] = [head]
  let size = head.length
  for (const record of message.records) {
    const edited = edit(record)
    if (edited === 'drop') continue
    const owner = readName(bytes, record.start).wire
    const name = asked !== undefined && nameKey(owner) === asked ? TO_QUESTION : owner
    const data = edited === 'keep' ? expandedData(bytes, record) : edited
    const fixed = Buffer.from(bytes.subarray(record.dataAt - 10, record.dataAt))
    if (data.length > MAX_MESSAGE) throw new DnsFormatError('a record grows too large')
    fixed.writeUInt16BE(data.length, 8)
    parts.push(name, fixed, data)
    size += name.length + fixed.length + data.length
    if (size > MAX_MESSAGE) throw new DnsFormatError('the message grows too large')
    counts[record.section]++
  }
  head.writeUInt16BE(counts.answer, 6)
  head.writeUInt16BE(counts.authority, 8)
  head.writeUInt16BE(counts.additional, 10)
  return Buffer.concat(parts, size)
}

/** A pointer to the first octet after the header, where the question's name stands. */
const TO_QUESTION = Buffer.from([0xc0, HEADER_SIZE])

interface Layout {
  /** Octets before the first string or name. */
  readonly prefix: number
  /** Character strings (RFC 1035 §3.3) before the first name. */
  readonly strings?: number
  readonly names: number
}

/** Types whose data may hold compressed names: RFC 1035 §3.3, and those that RFC 3597 §4 says to expect. */
const LAYOUTS: ReadonlyMap<number, Layout> = new Map([
  ...[2, 3, 4, 5, 7, 8, 9, 12, 30, 39].map((type) => [type, { prefix: 0, names: 1 }] as const),
  ...[TYPE.SOA, 14, 17].map((type) => [type, { prefix: 0, names: 2 }] as const),
  ...[TYPE.MX, 18, 21, 36].map((type) => [type, { prefix: 2, names: 1 }] as const),
  [24, { prefix: 18, names: 1 }],
  [26, { prefix: 2, names: 2 }],
  [TYPE.SRV, { prefix: 6, names: 1 }],
  [35, { prefix: 4, strings: 3, names: 1 }],
])

/** The data of a record with its names written in full. */
export function expandedData(bytes: Buffer, { type, dataAt, end }: DnsRecord): Buffer {
  const layout = LAYOUTS.get(type)
  if (!layout || dataAt === end) return bytes.subarray(dataAt, end)
  let at = dataAt + layout.prefix
  for (let left = layout.strings ?? 0; left > 0; left--) at += 1 + (bytes[at] ?? 0)
  if (at > end) throw new DnsFormatError('the data of a record is too short')
  const parts = [bytes.subarray(dataAt, at)]
  for (let left = layout.names; left > 0; left--) {
    const name = readName(bytes, at)
    parts.push(name.wire)
    at = name.end
    if (at > end) throw new DnsFormatError('a name runs past its record')
  }
  parts.push(bytes.subarray(at, end))
  return Buffer.concat(parts)
}
