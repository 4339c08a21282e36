import { Resolver } from 'node:dns'
import { closeSync, openSync, readSync } from 'node:fs'
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os'

/** What of the machine's network decides where a name leads and which way a packet takes. Each part is sorted text, to be compared. */
export interface NetworkState {
  /** `192.0.2.5/24 eth0`, without loopback and link-local ones. */
  readonly addresses: readonly string[]
  /** `default via 192.0.2.1 dev eth0`. */
  readonly routes: readonly string[]
  /** `resolver 192.0.2.53`, `search corp.example`. */
  readonly resolvers: readonly string[]
}

/**
 * Read of one file, bytes: some 400 routes. IPv4's default route stands first. On a router with more IPv6 routes than that, its default one may be missed,
 * and the addresses tell alone.
 */
const MAX_BYTES = 65_536
/** One for all reads: a new one each time would cost more than the reading. */
const buffer = Buffer.alloc(MAX_BYTES)

/** Looked at for DNS servers. systemd-resolved writes a stub that never changes into the first, and the real servers into the second. */
const RESOLVER_FILES = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf']

/**
 * Looks once, in less than half a millisecond: one netlink dump and four small reads, without the thread pool, whose wake-ups would cost more. What cannot be read
 * counts as empty.
 */
export function readNetworkState(platform = process.platform): NetworkState {
  const linux = platform === 'linux'
  return {
    addresses: ownAddresses(networkInterfaces()),
    routes: linux
      ? [...routesIPv4(textOf('/proc/net/route')), ...routesIPv6(textOf('/proc/net/ipv6_route'))].sort()
      : [],
    resolvers: platform === 'win32' ? systemServers() : resolversIn(RESOLVER_FILES.map(textOf).join('\n')),
  }
}

/**
 * As Node lists them, which leaves out interfaces without carrier: a cable that is pulled out is another network, though the address stays.
 *
 * A container that starts brings an interface with a link-local address only, and must not look like another network. A bridge that a new container
 * network brings does have an address; forgetting too much is cheap.
 */
export function ownAddresses(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>): string[] {
  return Object.entries(interfaces)
    .flatMap(([name, addresses = []]) => addresses.map((one) => ({ ...one, name })))
    .filter(({ internal, address }) => !internal && !/^(169\.254\.|fe[89ab])/i.test(address))
    .map(({ name, address, cidr }) => `${cidr ?? address} ${name}`)
    .sort()
}

/** proc(5), /proc/net/route: Iface Destination Gateway Flags RefCnt Use Metric Mask …, addresses as hexadecimal in the machine's byte order. */
export function routesIPv4(table: string): string[] {
  return table.split('\n').flatMap((line) => {
    const [device, destination = '', gateway = '', , , , metric, mask = ''] = line.trim().split(/\s+/)
    // A VPN often lays two halves over the default route and leaves that one alone: 0.0.0.0/1 and 128.0.0.0/1.
    const bits = mask === '00000000' ? 0 : /^(00000080|80000000)$/.test(mask) ? 1 : -1
    if (bits < 0 || !/^[0-9A-F]{8}$/.test(destination)) return []
    const what = bits === 0 ? 'default' : `${hexToIPv4(destination)}/1`
    return [`${what} via ${hexToIPv4(gateway)} dev ${device} metric ${metric}`]
  })
}

/** Little-endian on every machine that Node runs on but s390x, where it is only shown the wrong way round. */
function hexToIPv4(hex: string): string {
  const bytes = hex.match(/../g) ?? []
  return bytes
    .reverse()
    .map((byte) => Number.parseInt(byte, 16))
    .join('.')
}

/** The kernel's fib6_info dump: destination, prefix length, source, prefix length, next hop, metric, references, use, flags, device. */
export function routesIPv6(table: string): string[] {
  return table.split('\n').flatMap((line) => {
    const [destination, bits = '', , , gateway = '', metric = '', , , flags = '', device] = line.trim().split(/\s+/)
    const wide = bits === '00' || bits === '01' || bits === '03'
    // The kernel's own "unreachable" for everything stands on lo.
    if (!wide || destination === undefined || device === 'lo' || device === undefined) return []
    if (Number.parseInt(flags, 16) & RTF_REJECT) return []
    const what = bits === '00' ? 'default' : `${hexToIPv6(destination)}/${Number.parseInt(bits, 16)}`
    return [`${what} via ${hexToIPv6(gateway)} dev ${device} metric ${Number.parseInt(metric, 16)}`]
  })
}

/** linux/route.h. */
const RTF_REJECT = 0x0200

function hexToIPv6(hex: string): string {
  const text = (hex.match(/.{4}/g) ?? []).map((group) => group.replace(/^0{1,3}/, '')).join(':')
  return text.replace(/(^|:)0(:0)+(:|$)/, '::')
}

/** resolv.conf(5), without comments and in order of use. */
export function resolversIn(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim().replace(/\s+/g, ' '))
    .filter((line) => /^(nameserver|search|domain|options) /.test(line))
    .map((line) => line.replace(/^nameserver /, 'resolver '))
}

/** A new one reads the system's configuration; the process's own has read it once. */
function systemServers(): string[] {
  return new Resolver().getServers().map((server) => `resolver ${server}`)
}

function textOf(path: string): string {
  let file: number | undefined
  try {
    file = openSync(path, 'r')
    let length = 0
    while (length < MAX_BYTES) {
      const read = readSync(file, buffer, length, MAX_BYTES - length, null)
      if (read === 0) break
      length += read
    }
    return buffer.toString('latin1', 0, length)
  } catch {
    return ''
  } finally {
    if (file !== undefined) closeSync(file)
  }
}
