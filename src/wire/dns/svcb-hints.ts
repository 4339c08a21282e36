import { DnsFormatError } from './format-error.ts'
import { readName } from './name.ts'

/** SvcParamKeys of RFC 9460 §14.3.2. */
const MANDATORY = 0
const HINTS = { 4: 4, 6: 6 } as const

/**
 * The data of an SVCB or HTTPS record without the address hints of the dropped families (RFC 9460 §7.3). A key that is gone is no longer
 * named as mandatory either, for a record that lacks one is malformed (§8). Throws `DnsFormatError`.
 */
export function withoutHints(data: Buffer, dropped: ReadonlySet<4 | 6>): Buffer {
  const gone = new Set<number>([...dropped].map((family) => HINTS[family]))
  if (data.length < 3) throw new DnsFormatError('an SVCB record is too short')
  let at = readName(data, 2, { pointers: false }).end
  const parts = [data.subarray(0, at)]
  while (at < data.length) {
    if (at + 4 > data.length) throw new DnsFormatError('an SvcParam runs past its record')
    const key = data.readUInt16BE(at)
    const end = at + 4 + data.readUInt16BE(at + 2)
    if (end > data.length) throw new DnsFormatError('an SvcParam runs past its record')
    if (key === MANDATORY) parts.push(mandatoryWithout(data.subarray(at + 4, end), gone))
    else if (!gone.has(key)) parts.push(data.subarray(at, end))
    at = end
  }
  return Buffer.concat(parts)
}

function mandatoryWithout(list: Buffer, gone: ReadonlySet<number>): Buffer {
  if (list.length % 2 !== 0) throw new DnsFormatError('the list of mandatory keys is cut')
  const left: number[] = []
  for (let at = 0; at < list.length; at += 2) {
    const key = list.readUInt16BE(at)
    if (!gone.has(key)) left.push(key)
  }
  if (left.length === 0) return Buffer.alloc(0)
  const param = Buffer.alloc(4 + 2 * left.length)
  param.writeUInt16BE(MANDATORY, 0)
  param.writeUInt16BE(2 * left.length, 2)
  for (const [place, key] of left.entries()) param.writeUInt16BE(key, 4 + 2 * place)
  return param
}
