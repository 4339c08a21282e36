import dnsPacket from 'dns-packet'
import { type DnsMessage, HEADER_SIZE } from './message.ts'
import { FLAG, RCODE, TYPE } from './numbers.ts'
import { rebuild } from './rebuild.ts'

/** A start of authority of our own making, so that clients keep a "no" for a while (RFC 2308 §5). */
export interface Soa {
  readonly zone: string
  /** Seconds. */
  readonly ttl: number
}

export interface LocalAnswer {
  readonly rcode: number
  /** Records that all have the name asked for, in plain text. */
  readonly records: readonly LocalRecord[]
  /** For where there are none. */
  readonly soa?: Soa
}

export type LocalRecord =
  | { readonly type: 'A' | 'AAAA'; readonly ttl: number; readonly data: string }
  | { readonly type: 'PTR'; readonly ttl: number; readonly data: string }

/** An answer of our own to a question whose name is plain (`plainName`), as an upstream would have sent it: no OPT, id 0. */
export function localAnswer(question: Buffer, name: string, { rcode, records, soa }: LocalAnswer): Buffer {
  const encoded = dnsPacket.encode({
    type: 'response',
    answers: records.map((record) => ({ ...record, name, class: 'IN' as const })),
    authorities: soa && records.length === 0 ? [soaRecord(soa)] : [],
  })
  const message = Buffer.concat([encoded.subarray(0, HEADER_SIZE), question, encoded.subarray(HEADER_SIZE)])
  message.writeUInt16BE(FLAG.QR | FLAG.RA | rcode, 2)
  message.writeUInt16BE(1, 4)
  return message
}

function soaRecord({ zone, ttl }: Soa) {
  const data = { mname: 'gateway.docker.internal', rname: 'nobody.invalid', serial: 1, refresh: 3600, retry: 600 }
  return {
    type: 'SOA' as const,
    name: zone,
    ttl,
    class: 'IN' as const,
    data: { ...data, expire: 86_400, minimum: ttl },
  }
}

/** Everything of a query between header and records, octet by octet: letters keep their case. */
export function questionBytes(message: DnsMessage): Buffer {
  return message.bytes.subarray(HEADER_SIZE, message.questionEnd)
}

/** An answer that says no more than an rcode. `query` need not be well-formed, but has a header. */
export function errorReply(query: Buffer, rcode: number, message?: DnsMessage): Buffer {
  const question = message?.question ? questionBytes(message) : Buffer.alloc(0)
  const head = Buffer.alloc(HEADER_SIZE)
  head.writeUInt16BE(query.readUInt16BE(0), 0)
  // The opcode and RD are the client's own.
  head.writeUInt16BE(FLAG.QR | FLAG.RA | (query.readUInt16BE(2) & (0x7800 | FLAG.RD | FLAG.CD)) | (rcode & 0xf), 2)
  head.writeUInt16BE(question.length > 0 ? 1 : 0, 4)
  return withEdns(Buffer.concat([head, question]), message?.edns !== undefined, message?.edns?.dnssecOk, rcode >> 4)
}

/** The answer without its OPT record, which speaks of one hop only (RFC 6891 §6.1.1). */
export function withoutEdns(message: DnsMessage): Buffer {
  const at = message.records.findIndex(({ type }) => type === TYPE.OPT)
  if (at < 0) return message.bytes
  const record = message.records[at]!
  if (at < message.records.length - 1) return rebuild(message, ({ type }) => (type === TYPE.OPT ? 'drop' : 'keep'))
  const cut = Buffer.from(message.bytes.subarray(0, record.start))
  cut.writeUInt16BE(cut.readUInt16BE(10) - 1, 10)
  return cut
}

/** Adds the OPT record of our own side, for a client that sent one. */
export function withEdns(answer: Buffer, wanted: boolean, dnssecOk = false, upperRcode = 0): Buffer {
  if (!wanted) return answer
  const whole = Buffer.concat([answer, optRecord(OUR_UDP_SIZE, dnssecOk, upperRcode)])
  whole.writeUInt16BE(whole.readUInt16BE(10) + 1, 10)
  return whole
}

/** Octets of a query that we take over UDP. */
const OUR_UDP_SIZE = 1232
/** Octets that `withEdns` adds. */
export const EDNS_SIZE = 11

export function optRecord(udpSize: number, dnssecOk: boolean, upperRcode = 0): Buffer {
  const record = Buffer.alloc(EDNS_SIZE)
  record.writeUInt16BE(TYPE.OPT, 1)
  record.writeUInt16BE(udpSize, 3)
  record.writeUInt32BE(upperRcode * 0x1000000 + (dnssecOk ? 0x8000 : 0), 5)
  return record
}

/** The answer cut down to its question, with the bit that sends the client to TCP (RFC 2181 §9: half a set is worse than none). */
export function truncated(answer: Buffer, questionEnd: number): Buffer {
  const cut = Buffer.from(answer.subarray(0, questionEnd))
  cut.writeUInt16BE(cut.readUInt16BE(2) | FLAG.TC, 2)
  cut.fill(0, 6, HEADER_SIZE)
  return cut
}

/** A query of our own for an upstream. `question` is passed on octet by octet. */
export function makeQuery(
  id: number,
  question: Buffer,
  options: { edns: boolean; dnssecOk: boolean; cd: boolean },
): Buffer {
  const head = Buffer.alloc(HEADER_SIZE)
  head.writeUInt16BE(id, 0)
  head.writeUInt16BE(FLAG.RD | (options.cd ? FLAG.CD : 0), 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(options.edns ? 1 : 0, 10)
  return Buffer.concat([head, question, ...(options.edns ? [optRecord(OUR_UDP_SIZE, options.dnssecOk)] : [])])
}

/** Whether this is an answer that ends the search for one: a server that fails or refuses says nothing of the name. */
export function isConclusive(rcode: number): boolean {
  return rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN
}
