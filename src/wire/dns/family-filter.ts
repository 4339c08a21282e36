import type { DnsMessage, DnsRecord } from './message.ts'
import { FLAG, RCODE, TYPE } from './numbers.ts'
import { type Edit, rebuild } from './rebuild.ts'
import { withoutHints } from './svcb-hints.ts'

const ADDRESS_TYPE = { 4: TYPE.A, 6: TYPE.AAAA } as const

/** Whether the question is for addresses that are not to be given. */
export function asksForDropped(type: number, dropped: ReadonlySet<4 | 6>): boolean {
  return [...dropped].some((family) => ADDRESS_TYPE[family] === type)
}

/**
 * An answer without the addresses of the dropped families (behaviour.md §5). A question for such addresses gets NODATA: NOERROR, no records but the
 * SOA where the answer has one; NXDOMAIN and failures stay what they are. In other answers those addresses and the hints of SVCB and HTTPS
 * records are left out, and what was changed is no longer said to be authentic.
 */
export function withoutFamilies(message: DnsMessage, dropped: ReadonlySet<4 | 6>): Buffer {
  if (dropped.size === 0 || message.rcode !== RCODE.NOERROR) return message.bytes
  const types = new Set<number>([...dropped].map((family) => ADDRESS_TYPE[family]))
  const isAsked = message.question !== undefined && types.has(message.question.type)
  const edit = (record: DnsRecord): Edit => {
    if (isAsked) return record.section === 'authority' && record.type === TYPE.SOA ? 'keep' : 'drop'
    if (types.has(record.type)) return 'drop'
    if (record.type !== TYPE.SVCB && record.type !== TYPE.HTTPS) return 'keep'
    return withoutHints(message.bytes.subarray(record.dataAt, record.end), dropped)
  }
  if (message.records.every((record) => isUntouched(message, record, edit(record)))) return message.bytes
  const edited = rebuild(message, edit)
  edited.writeUInt16BE(edited.readUInt16BE(2) & ~(FLAG.AD | FLAG.AA), 2)
  return edited
}

function isUntouched({ bytes }: DnsMessage, { dataAt, end }: DnsRecord, edit: Edit): boolean {
  return edit === 'keep' || (edit !== 'drop' && edit.equals(bytes.subarray(dataAt, end)))
}
