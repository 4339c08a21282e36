import { formatIpv4, isDottedIpv4, parseIpv4 } from './ipv4.ts'
import { formatIpv6, type Ipv6Groups, parseIpv6 } from './ipv6.ts'

/** An IP address in canonical text: equal addresses are equal strings. */
export interface Address {
  readonly address: string
  readonly family: 4 | 6
}

/** Reads any spelling of an IP address, without brackets; undefined for what is none. IPv4-mapped IPv6 becomes its IPv4 address. */
export function parseAddress(text: string): Address | undefined {
  if (isDottedIpv4(text)) return { address: text, family: 4 }
  if (text.includes(':')) {
    const groups = text.length <= LONGEST_IPV6 ? parseIpv6(text) : undefined
    return groups && fromGroups(groups)
  }
  // Only what begins with a digit can be a legacy IPv4 spelling: keeps names off the slower way.
  const first = text.charCodeAt(0)
  if (!(first >= 0x30 && first <= 0x39)) return undefined
  const number = parseIpv4(text)
  return number === undefined ? undefined : { address: formatIpv4(number), family: 4 }
}

/** Characters of `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`. */
const LONGEST_IPV6 = 45

/** The 4 or 16 bytes of an address in canonical text, in network order. */
export function addressBytes(address: string): Buffer {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number))
  const bytes = Buffer.alloc(16)
  parseIpv6(address)!.forEach((group, place) => void bytes.writeUInt16BE(group, place * 2))
  return bytes
}

/** Canonical text of 4 or 16 bytes in network order; an IPv4-mapped address becomes its IPv4 address. */
export function addressOf(bytes: Uint8Array): Address {
  if (bytes.length === 4) return { address: bytes.join('.'), family: 4 }
  return fromGroups(Array.from({ length: 8 }, (_, group) => bytes[group * 2]! * 256 + bytes[group * 2 + 1]!))
}

function fromGroups(groups: Ipv6Groups): Address {
  if (startsWith(groups, [0, 0, 0, 0, 0, 0xffff])) return { address: formatIpv4(lastIpv4(groups)), family: 4 }
  return { address: formatIpv6(groups), family: 6 }
}

// What follows takes canonical text, as in `Target.host` and `Address.address`.

/** 127.0.0.0/8 and ::1. */
export function isLoopback(address: string): boolean {
  return address === '::1' || (address.startsWith('127.') && isDottedIpv4(address))
}

/** 169.254.0.0/16 (RFC 3927) and fe80::/10 (RFC 4291 §2.5.6). */
export function isLinkLocal(address: string): boolean {
  return /^fe[89ab][0-9a-f]:/.test(address) || (address.startsWith('169.254.') && isDottedIpv4(address))
}

/** 0.0.0.0 and ::. As a destination both mean this host's loopback, on Linux and macOS. */
export function isUnspecified(address: string): boolean {
  return address === '0.0.0.0' || address === '::'
}

/** 224.0.0.0/4 with what is above it, 255.255.255.255 too (RFC 5771, RFC 1112 §4), and ff00::/8 (RFC 4291 §2.7). */
export function isMulticast(address: string): boolean {
  return /^ff[0-9a-f]{2}:/.test(address) || (/^2(2[4-9]|[345]\d)\./.test(address) && isDottedIpv4(address))
}

/** Where cloud providers serve credentials of the machine to whoever can connect. */
export function isCloudMetadata(address: string): boolean {
  return CLOUD_METADATA.has(address)
}

const CLOUD_METADATA: ReadonlySet<string> = new Set([
  '169.254.169.254', // AWS, Azure, Google, Oracle, DigitalOcean, OpenStack
  '169.254.170.2', // AWS ECS task credentials
  '169.254.170.23', // AWS EKS pod identity
  'fd00:ec2::254', // AWS over IPv6
  'fd00:ec2::23', // AWS EKS pod identity over IPv6
  'fd20:ce::254', // Google over IPv6
  '100.100.100.200', // Alibaba
  '168.63.129.16', // Azure's host agent
  '192.0.0.192', // Oracle Classic
])

/**
 * The IPv4 address that a translator on the way would turn this IPv6 address into: NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056), SIIT
 * (RFC 2765) and the deprecated IPv4-compatible form. What is refused as an IPv4 address must not be reached by such a detour.
 */
export function embeddedIpv4(address: string): string | undefined {
  if (!address.includes(':') || address === '::1' || address === '::') return undefined
  const groups = parseIpv6(address)
  if (!groups) return undefined
  if (groups[0] === 0x2002) return formatIpv4(groups[1]! * 0x10000 + groups[2]!)
  const isTranslated = TRANSLATED_PREFIXES.some((prefix) => startsWith(groups, prefix))
  return isTranslated ? formatIpv4(lastIpv4(groups)) : undefined
}

const TRANSLATED_PREFIXES: readonly Ipv6Groups[] = [
  [0x64, 0xff9b, 0, 0, 0, 0], // 64:ff9b::/96
  [0x64, 0xff9b, 1], // 64:ff9b:1::/48, read as with a /96 prefix, the usual choice
  [0, 0, 0, 0, 0xffff, 0], // ::ffff:0:0:0/96
  [0, 0, 0, 0, 0, 0], // ::/96
]

function startsWith(groups: Ipv6Groups, prefix: Ipv6Groups): boolean {
  return prefix.every((group, place) => groups[place] === group)
}

function lastIpv4(groups: Ipv6Groups): number {
  return groups[6]! * 0x10000 + groups[7]!
}
