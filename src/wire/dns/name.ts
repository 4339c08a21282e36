import { DnsFormatError } from './format-error.ts'

/** Octets of a name with its length octets and the closing zero (RFC 1035 §2.3.4). */
const MAX_NAME = 255
/** Pointers followed in one name: more than labels fit into a name can only be an attack. */
const MAX_JUMPS = 127

export interface ReadName {
  /** Uncompressed, in the letters it came in: length octets, labels, closing zero. */
  readonly wire: Buffer
  /** Where the message goes on after it. */
  readonly end: number
}

/** Reads a name, following compression pointers (RFC 1035 §4.1.4), which must lead strictly backwards. Throws `DnsFormatError`. */
export function readName(bytes: Buffer, start: number, { pointers = true } = {}): ReadName {
  const parts: Buffer[] = []
  let length = 0
  let at = start
  let end = -1
  let lowest = start
  for (let jumps = 0; ; ) {
    const octet = bytes[at]
    if (octet === undefined) throw new DnsFormatError('a name runs past the end')
    if (octet >= 0xc0) {
      const low = bytes[at + 1]
      if (low === undefined) throw new DnsFormatError('a pointer runs past the end')
      if (!pointers) throw new DnsFormatError('a pointer stands where none may be')
      if (end < 0) end = at + 2
      at = ((octet & 0x3f) << 8) | low
      if (at >= lowest || at < HEADER || ++jumps > MAX_JUMPS) throw new DnsFormatError('a pointer does not lead back')
      lowest = at
      continue
    }
    if (octet > 63) throw new DnsFormatError('a label of an unknown kind')
    length += octet + 1
    if (length > MAX_NAME) throw new DnsFormatError('a name is too long')
    if (at + octet + 1 > bytes.length) throw new DnsFormatError('a label runs past the end')
    parts.push(bytes.subarray(at, at + octet + 1))
    at += octet + 1
    if (octet === 0) break
  }
  return { wire: parts.length === 1 ? parts[0]! : Buffer.concat(parts), end: end < 0 ? at : end }
}

/** Octets of a message before its first name. */
const HEADER = 12

/** Equal for names that differ in the case of ASCII letters only (RFC 4343); not for people. */
export function nameKey(wire: Buffer): string {
  return wire.toString('latin1').replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

/** The dotted name in lower case where every label is one that a host name can have; undefined for all others, the root among them. */
export function plainName(wire: Buffer): string | undefined {
  const labels = labelsOf(wire).map((label) => label.toString('latin1').toLowerCase())
  if (labels.length === 0 || !labels.every((label) => /^[a-z0-9_-]+$/.test(label))) return undefined
  return labels.join('.')
}

/** The octets of a plain dotted name. */
export function nameWire(name: string): Buffer {
  const labels = name === '' || name === '.' ? [] : name.replace(/\.$/, '').split('.')
  const parts = labels.map((label) =>
    Buffer.concat([Buffer.of(Buffer.byteLength(label)), Buffer.from(label, 'latin1')]),
  )
  return Buffer.concat([...parts, Buffer.of(0)])
}

function labelsOf(wire: Buffer): Buffer[] {
  const labels: Buffer[] = []
  for (let at = 0; wire[at]; at += wire[at]! + 1) labels.push(wire.subarray(at + 1, at + 1 + wire[at]!))
  return labels
}
