import {
  type CapturePlan,
  DETOUR_BITS,
  DETOUR_PRIORITY,
  HELD_MARK,
  HOLD_CHAIN,
  isAnywhere,
  type LocalPorts,
  type NetworkMembers,
  type Ports,
  TABLE,
  type TakenUdp,
  takenUdp,
} from './capture-plan.ts'

/**
 * The script for `nft -f -`: one transaction that puts the whole table in the place of the one before. Statements stand on lines of their own, in words
 * that nft 0.9 reads as well as 1.1 (`icmpx type`, say).
 *
 * Everything is decided in prerouting, before routing: what is captured never comes to the forward chains, where engine and firewall have
 * theirs. Only packets that come in from containers are looked at: the gateway's own leave through output, so nothing can loop. There only answers by
 * a detour are touched (`detourOf`).
 */
export function nftScript(plan: CapturePlan): string {
  return [
    // Makes sure there is one to delete.
    `table inet ${TABLE}`,
    `delete table inet ${TABLE}`,
    `table inet ${TABLE} {`,
    ...indent([
      ...setOf('interfaces', 'ifname', plan.interfaces.map(quoted)),
      ...setOf('sources4', 'ipv4_addr', plan.sources.filter(isIpv4)),
      ...setOf('sources6', 'ipv6_addr', plan.sources.filter(isIpv6)),
      ...setOf('own4', 'ipv4_addr', plan.own.filter(isIpv4)),
      ...setOf('own6', 'ipv6_addr', plan.own.filter(isIpv6)),
      ...chain('bridged', [
        '# A bridge may have shown this packet to `prerouting` already (br_netfilter), and has lost the socket it was given to there.',
        '# As the very first, for what follows skips the other chains for such packets.',
        'type filter hook prerouting priority -2147483648; policy accept;',
        `meta mark ${hex(plan.mark)} goto deliver`,
      ]),
      ...chain('prerouting', [
        'type filter hook prerouting priority mangle; policy accept;',
        ...heldAnswers(plan),
        '# What routers say of packets that we have sent to clients, as by whom they were sent for: that they are too large, say. To the socket of ours.',
        `meta l4proto { icmp, ipv6-icmp } socket transparent 1 meta mark set ${hex(plan.mark)} accept`,
        'meta l4proto != { tcp, udp } return',
        'iifname @interfaces goto client',
        'ip saddr @sources4 goto client',
        'ip6 saddr @sources6 goto client',
      ]),
      ...chain('client', client(plan)),
      ...(plan.hold ? chain(HOLD_CHAIN, plan.hold.by === 'nft' ? [`queue num ${plan.hold.queue}`] : []) : []),
      ...chain('take_tcp', [
        ...(plan.hold ? [`tcp flags & (fin | syn | rst | ack) == syn jump ${HOLD_CHAIN}`] : []),
        'goto deliver',
      ]),
      ...chain('deliver', deliver(plan)),
      ...chain('answers', [
        '# From a port that the gateway could not have: it comes by another, and by this priority. As the very first, so that conntrack and all others see',
        '# the right one.',
        'type filter hook output priority -2147483648; policy accept;',
        `meta priority ${classid(DETOUR_PRIORITY)} socket transparent 1 udp sport set udp sport ^ ${DETOUR_BITS} meta priority set none`,
      ]),
    ]),
    '}',
    '',
  ].join('\n')
}

/** The other direction, just as atomic; does nothing where there is nothing. */
export function nftRemoval(): string {
  return `table inet ${TABLE}\ndelete table inet ${TABLE}\n`
}

/** New members for the sets of a table that stands; connections and rules are not touched. */
export function nftMembers(plan: NetworkMembers): string {
  const members: [string, readonly string[]][] = [
    ['interfaces', plan.interfaces.map(quoted)],
    ['sources4', plan.sources.filter(isIpv4)],
    ['sources6', plan.sources.filter(isIpv6)],
    ['own4', plan.own.filter(isIpv4)],
    ['own6', plan.own.filter(isIpv6)],
  ]
  return members
    .flatMap(([name, elements]) => [
      `flush set inet ${TABLE} ${name}`,
      ...(elements.length > 0 ? [`add element inet ${TABLE} ${name} { ${elements.join(', ')} }`] : []),
    ])
    .concat('')
    .join('\n')
}

/** A held packet comes back here with what the gateway has said about it. */
function heldAnswers({ hold, mark }: CapturePlan): string[] {
  if (!hold) return []
  return [
    `meta mark ${hex(mark + HELD_MARK.accept)} goto deliver`,
    `meta mark ${hex(mark + HELD_MARK.reset)} meta l4proto tcp reject with tcp reset`,
    `meta mark ${hex(mark + HELD_MARK.hostUnreachable)} reject with icmpx type host-unreachable`,
    `meta mark ${hex(mark + HELD_MARK.networkUnreachable)} reject with icmpx type no-route`,
  ]
}

function client(plan: CapturePlan): string[] {
  const { mark, udp } = plan
  return [
    '# Packets of connections that the gateway holds already. Not so for datagrams: the sockets that their replies leave by are not read. Nor for a',
    '# SYN: one with the ports of a connection that has just ended is a new attempt, to be held, and only the listener below opens what is left of that one.',
    `tcp flags & (fin | syn | rst | ack) != syn socket transparent 1 meta mark set ${hex(mark)} accept`,
    '# What answers somebody who came in from outside: by a published port, or routed here. TCP that begins here begins with a SYN. Not so for',
    '# datagrams without a translation: one that our own late answer has begun anew would go past the policy.',
    'ct direction reply ct status dnat return',
    'tcp flags & (fin | syn | rst | ack) != syn ct direction reply return',
    '# A source that does not lead back by where it came in is feigned, or another container’s: rules for that one do not hold for this. Datagrams',
    '# to the doors of this machine need no way back to speak in its name.',
    'meta l4proto udp fib daddr type local iifname @interfaces fib saddr . iif oif missing drop',
    '# To this machine itself (its doors, published ports), to everybody, and between containers: none of our business.',
    'fib daddr type { local, broadcast, anycast, multicast } return',
    'ip daddr @own4 return',
    'ip6 daddr @own6 return',
    'ip6 daddr fe80::/10 return',
    '# Feigned likewise, to elsewhere.',
    'iifname @interfaces fib saddr . iif oif missing drop',
    '# RFC 4291 §2.5.6: nothing from a link-local address leaves its link; and by it no container is known.',
    'ip6 saddr fe80::/10 drop',
    ...underTranslation(plan),
    ...plan.special.map(({ proto, port }) => `${proto} dport ${port} goto deliver`),
    ...toHosts(plan.hosts, 'meta l4proto tcp goto take_tcp'),
    ...(isAnywhere(udp.to) ? toHosts(plan.hosts, 'meta l4proto udp goto deliver') : []),
    ...(plan.tcp.ports.length > 0 ? [`tcp dport ${portSet(plan.tcp.ports)} goto take_tcp`] : []),
    ...(plan.otherPorts === 'refuse' ? ['meta l4proto tcp reject with tcp reset'] : []),
    ...(udp.kind === 'deny' ? ['meta l4proto udp reject with icmpx type port-unreachable'] : []),
    ...(udp.kind === 'take' && udp.refused.length > 0
      ? [`udp dport ${portSet(udp.refused)} reject with icmpx type port-unreachable`]
      : []),
    ...(udp.kind === 'take' ? ['meta l4proto udp goto deliver'] : []),
  ]
}

/** What is taken never comes to where sources are translated, but a translation of before lives on: see `earlier-translations.ts`. */
function underTranslation(plan: CapturePlan): string[] {
  const lines = snatDrops(takenUdp(plan))
  if (lines.length === 0) return []
  return ['# Under a translation that began before these rules: it would come in this host’s name.', ...lines]
}

function snatDrops(taken: TakenUdp): string[] {
  if (taken === 'all') return ['meta l4proto udp ct status snat drop']
  const ports = taken.ports.map((port) => ({ from: port, to: port }))
  return [
    ...(ports.length > 0 ? [`udp dport ${portSet(ports)} ct status snat drop`] : []),
    ...toHosts(taken.addresses, 'meta l4proto udp ct status snat drop'),
  ]
}

function toHosts(hosts: readonly string[], statement: string): string[] {
  const [ipv4, ipv6] = [hosts.filter(isIpv4), hosts.filter(isIpv6)]
  return [
    ...(ipv4.length > 0 ? [`ip daddr { ${ipv4.join(', ')} } ${statement}`] : []),
    ...(ipv6.length > 0 ? [`ip6 daddr { ${ipv6.join(', ')} } ${statement}`] : []),
  ]
}

/** To whom which packet goes. On loopback, so that the transparent sockets cannot be reached from anywhere by their own address. */
function deliver({ special, tcp, udp, mark }: CapturePlan): string[] {
  const rules = (match: string, to: LocalPorts) => {
    const rule = (family: string, address: string, port: number) =>
      `${match} meta mark set ${hex(mark)} tproxy ${family} to ${address}:${port} accept`
    return [
      ...(to[4] === undefined ? [] : [rule('ip', '127.0.0.1', to[4])]),
      ...(to[6] === undefined ? [] : [rule('ip6', '[::1]', to[6])]),
    ]
  }
  return [
    '# It has found its socket by what it holds.',
    'meta l4proto { icmp, ipv6-icmp } accept',
    ...special.flatMap(({ proto, port, to }) => rules(`${proto} dport ${port}`, to)),
    ...rules('meta l4proto tcp', tcp.to),
    ...rules('meta l4proto udp', udp.to ?? {}),
    '# Nobody listens: the gateway has gone, or has no socket of this family. Closed, not open.',
    'meta l4proto tcp reject with tcp reset',
    'reject with icmpx type port-unreachable',
  ]
}

function portSet(ports: readonly Ports[]): string {
  return `{ ${ports.map(({ from, to }) => (from === to ? String(from) : `${from}-${to}`)).join(', ')} }`
}

function setOf(name: string, type: string, elements: readonly string[]): string[] {
  return [
    `set ${name} {`,
    `  type ${type}`,
    ...(type === 'ifname' ? [] : ['  flags interval', '  auto-merge']),
    ...(elements.length > 0 ? [`  elements = { ${elements.join(', ')} }`] : []),
    '}',
  ]
}

function chain(name: string, rules: readonly string[]): string[] {
  return [`chain ${name} {`, ...indent(rules), '}']
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`)
}

const hex = (number: number): string => `0x${(number >>> 0).toString(16).padStart(8, '0')}`
/** As nft reads and writes a priority. */
const classid = (number: number): string => `${(number >>> 16).toString(16)}:${(number & 0xffff).toString(16)}`
const quoted = (name: string): string => `"${name}"`
const isIpv6 = (block: string): boolean => block.includes(':')
const isIpv4 = (block: string): boolean => !block.includes(':')
