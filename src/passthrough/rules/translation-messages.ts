import { parseAddress } from '../../wire/address.ts'
import { formatIpv6 } from '../../wire/ipv6.ts'
import { decodeAttributes, encodeMessage, NLM_F_ACK, NLM_F_REQUEST, type Received } from '../netlink.ts'

// linux/netfilter/nfnetlink_conntrack.h, nf_conntrack_common.h
const SUBSYSTEM_CONNTRACK = 1
const GET = (SUBSYSTEM_CONNTRACK << 8) | 1
const DELETE = (SUBSYSTEM_CONNTRACK << 8) | 2
const NLM_F_DUMP = 0x300
const NLMSG_DONE = 3
const ORIGINAL = 1
const STATUS = 3
const ZONE = 18
const TUPLE_IP = 1
const TUPLE_PROTOCOL = 2
const SOURCE = { 4: 1, 6: 3 } as const
const TARGET = { 4: 2, 6: 4 } as const
const PROTOCOL_NUMBER = 1
const PROTOCOL_TARGET_PORT = 3
const STATUS_SOURCE_TRANSLATED = 1 << 4
const UDP = 17

/** A conversation of datagrams whose source the kernel translates. */
export interface Translation {
  /** Before the translation, canonical. */
  readonly source: string
  readonly target: string
  readonly port: number
  /** What the kernel knows it by: its attributes, as they came. */
  readonly original: Uint8Array
  readonly zone: Uint8Array | undefined
}

/** Asks for everything of an address family that is tracked. */
export function listing(family: number): Buffer {
  return encodeMessage({
    type: GET,
    flags: NLM_F_REQUEST | NLM_F_DUMP,
    sequence: 1,
    family,
    resource: 0,
    attributes: [],
  })
}

export function deletion(family: number, { original, zone }: Translation): Buffer {
  return encodeMessage({
    type: DELETE,
    flags: NLM_F_REQUEST | NLM_F_ACK,
    sequence: 1,
    family,
    resource: 0,
    attributes: [{ type: ORIGINAL, value: original }, ...(zone ? [{ type: ZONE, value: zone }] : [])],
  })
}

export const isEnd = ({ type }: Received): boolean => type === NLMSG_DONE

/** Undefined for all others. */
export function translation({ attributes }: Received): Translation | undefined {
  const status = attributes.get(STATUS)
  const original = attributes.get(ORIGINAL)
  if (!original || status?.length !== 4 || (status.readUInt32BE() & STATUS_SOURCE_TRANSLATED) === 0) return undefined
  const tuple = decodeAttributes(original)
  const protocol = decodeAttributes(tuple.get(TUPLE_PROTOCOL) ?? NONE)
  const addresses = decodeAttributes(tuple.get(TUPLE_IP) ?? NONE)
  if (protocol.get(PROTOCOL_NUMBER)?.[0] !== UDP) return undefined
  const source = address(addresses.get(SOURCE[4]) ?? addresses.get(SOURCE[6]))
  const target = address(addresses.get(TARGET[4]) ?? addresses.get(TARGET[6]))
  const port = protocol.get(PROTOCOL_TARGET_PORT)
  if (!source || !target || port?.length !== 2) return undefined
  return { source, target, port: port.readUInt16BE(), original, zone: attributes.get(ZONE) }
}

const NONE = Buffer.alloc(0)

function address(bytes: Buffer | undefined): string | undefined {
  if (bytes?.length === 4) return bytes.join('.')
  if (bytes?.length !== 16) return undefined
  return parseAddress(formatIpv6(Array.from({ length: 8 }, (_, group) => bytes.readUInt16BE(group * 2))))?.address
}
