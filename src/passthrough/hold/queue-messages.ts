import { isIPv4 } from 'node:net'
import { parseAddress } from '../../wire/address.ts'
import { decodeMessages, encodeMessage, NLM_F_ACK, NLM_F_REQUEST, uint32 } from '../netlink.ts'

// linux/netfilter/nfnetlink_queue.h
const SUBSYSTEM_QUEUE = 3
const PACKET = SUBSYSTEM_QUEUE << 8
const VERDICT = (SUBSYSTEM_QUEUE << 8) | 1
const CONFIG = (SUBSYSTEM_QUEUE << 8) | 2
const VERDICT_HEADER = 2
const VERDICT_MARK = 3
const PACKET_HEADER = 1
const PACKET_PAYLOAD = 10
const CONFIG_COMMAND = 1
const CONFIG_PARAMETERS = 2
const CONFIG_MAX_LENGTH = 3
const COMMAND_BIND = 1
const COMMAND_UNBIND = 2
const COPY_PACKET = 2
/** Bytes copied of each packet: an IPv6 header, its extensions and a TCP header. */
const COPY_BYTES = 256
/** For one datagram of the kernel: it holds one packet, cut to `COPY_BYTES`, and its attributes. */
export const QUEUED_BYTES = 16 * 1024
const NF_DROP = 0
const NF_REPEAT = 4

/** A connection attempt that waits in the kernel. */
export interface HeldSyn {
  /** The kernel's number for the packet, for the verdict. */
  readonly packet: number
  /** TCP's initial sequence number: a repetition has the same. */
  readonly sequence: number
  readonly source: { readonly address: string; readonly port: number }
  readonly dialled: { readonly address: string; readonly family: 4 | 6; readonly port: number }
}

/** The messages that take a queue into use: bind it, have packets copied, and let as many wait as we hold at once. */
export function openQueue(queue: number, length: number): Buffer[] {
  const parameters = Buffer.alloc(5)
  parameters.writeUInt32BE(COPY_BYTES, 0)
  parameters.writeUInt8(COPY_PACKET, 4)
  return [
    config(queue, 1, { type: CONFIG_COMMAND, value: Buffer.from([COMMAND_BIND, 0, 0, 0]) }),
    config(queue, 2, { type: CONFIG_PARAMETERS, value: parameters }),
    config(queue, 3, { type: CONFIG_MAX_LENGTH, value: uint32(length) }),
  ]
}

/** Gives the queue back; what waits in it is dropped. Its acknowledgement wakes whoever waits for packets. */
export function closeQueue(queue: number): Buffer {
  return config(queue, 4, { type: CONFIG_COMMAND, value: Buffer.from([COMMAND_UNBIND, 0, 0, 0]) })
}

/** With a mark: through the rules again, which read the answer from it. Without: dropped, as if it had never come. */
export function verdict(queue: number, packet: number, mark: number | undefined): Buffer {
  const header = Buffer.concat([uint32(mark === undefined ? NF_DROP : NF_REPEAT), uint32(packet)])
  return encodeMessage({
    type: VERDICT,
    flags: NLM_F_REQUEST,
    sequence: 0,
    family: 0,
    resource: queue,
    attributes: [
      { type: VERDICT_HEADER, value: header },
      ...(mark === undefined ? [] : [{ type: VERDICT_MARK, value: uint32(mark) }]),
    ],
  })
}

function config(queue: number, sequence: number, attribute: { readonly type: number; readonly value: Buffer }): Buffer {
  return encodeMessage({
    type: CONFIG,
    flags: NLM_F_REQUEST | NLM_F_ACK,
    sequence,
    family: 0,
    resource: queue,
    attributes: [attribute],
  })
}

/** What one datagram of the kernel holds: attempts, and packets that are none (`unread`), which must not wait for ever. */
export function readQueued(bytes: Buffer): {
  readonly syns: HeldSyn[]
  readonly unread: number[]
  readonly errors: number[]
} {
  const syns: HeldSyn[] = []
  const unread: number[] = []
  const errors: number[] = []
  for (const { type, error, attributes } of decodeMessages(bytes)) {
    if (error !== undefined && error !== 0) errors.push(error)
    if (type !== PACKET) continue
    const header = attributes.get(PACKET_HEADER)
    if (!header || header.length < 4) continue
    const packet = header.readUInt32BE(0)
    const addresses = readAddresses(attributes.get(PACKET_PAYLOAD) ?? Buffer.alloc(0))
    if (addresses) syns.push({ packet, ...addresses })
    else unread.push(packet)
  }
  return { syns, unread, errors }
}

const TCP = 6
/** Bytes of a TCP header that are read (RFC 9293 §3.1). */
const PORTS_AND_SEQUENCE = 8

function readAddresses(ip: Buffer): Omit<HeldSyn, 'packet'> | undefined {
  const version = ip.length > 0 ? ip[0]! >> 4 : 0
  if (version === 4 && ip.length >= 20) {
    const tcp = (ip[0]! & 15) * 4
    if (ip[9] !== TCP || ip.length < tcp + PORTS_AND_SEQUENCE) return undefined
    return pair(ip.subarray(12, 16).join('.'), ip.subarray(16, 20).join('.'), ip, tcp)
  }
  if (version === 6 && ip.length >= 40 + PORTS_AND_SEQUENCE) {
    // A SYN behind extension headers is legal and never seen; it takes the way without holding.
    if (ip[6] !== TCP) return undefined
    return pair(ipv6Text(ip.subarray(8, 24)), ipv6Text(ip.subarray(24, 40)), ip, 40)
  }
  return undefined
}

function pair(source: string, dialled: string, ip: Buffer, tcp: number): Omit<HeldSyn, 'packet'> | undefined {
  const from = parseAddress(source)
  const to = parseAddress(dialled)
  if (!from || !to) return undefined
  return {
    sequence: ip.readUInt32BE(tcp + 4),
    source: { address: from.address, port: ip.readUInt16BE(tcp) },
    dialled: { address: to.address, family: isIPv4(to.address) ? 4 : 6, port: ip.readUInt16BE(tcp + 2) },
  }
}

function ipv6Text(bytes: Buffer): string {
  return Array.from({ length: 8 }, (_, group) => bytes.readUInt16BE(group * 2).toString(16)).join(':')
}
