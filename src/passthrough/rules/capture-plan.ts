/** Both ends included. */
export interface Ports {
  readonly from: number
  readonly to: number
}

/** Traffic to one port that goes elsewhere than to the capture door: the containers' DNS, to the gateway's own server. */
export interface SpecialCapture {
  readonly proto: 'tcp' | 'udp'
  /** The port that was dialled. */
  readonly port: number
  /** The loopback port of a transparent socket of ours, for each family. */
  readonly to: Readonly<Partial<Record<4 | 6, number>>>
}

/** Where taken traffic is delivered: loopback ports of transparent sockets, by family. */
export type LocalPorts = Readonly<Partial<Record<4 | 6, number>>>

/** What changes while the rules stand: the members of their sets. */
export type NetworkMembers = Pick<CapturePlan, 'interfaces' | 'sources' | 'own'>

/** All that the rules in the kernel depend on. Names and numbers are checked before they come here: they go into a script as they are. */
export interface CapturePlan {
  /** Of captured packets; the next few numbers are verdicts on held ones (`HeldMark`). */
  readonly mark: number
  readonly routeTable: number
  /** Where captured traffic comes in. */
  readonly interfaces: readonly string[]
  /** Or whom it comes from: CIDR blocks, IPv4 and IPv6. */
  readonly sources: readonly string[]
  /** Never captured: the engine's own networks, so that containers reach each other. CIDR blocks. */
  readonly own: readonly string[]
  readonly tcp: { readonly ports: readonly Ports[]; readonly to: LocalPorts }
  /** TCP to other ports: left to the system's own forwarding, or refused. */
  readonly otherPorts: 'bypass' | 'refuse'
  /** `to`: also of what goes to `hosts`. */
  readonly udp:
    | { readonly kind: 'bypass'; readonly to?: LocalPorts }
    /** ICMP port unreachable, on which browsers fall back from QUIC to TCP at once. */
    | { readonly kind: 'deny'; readonly to?: LocalPorts }
    /** `refused`: ports that are answered as with `deny` all the same. */
    | { readonly kind: 'take'; readonly to: LocalPorts; readonly refused: readonly Ports[] }
  readonly special: readonly SpecialCapture[]
  /** What containers have the host and the gateway by: TCP and UDP to these is taken, whatever holds for what leaves. Canonical. */
  readonly hosts: readonly string[]
  /** Connection attempts wait in this queue of the kernel until the way out stands. Absent: they are taken at once. */
  readonly hold?: {
    readonly queue: number
    /** `nft`: by nft's own statement; `apart`: by a rule that `hold-rule.ts` adds where the kernel has none. */
    readonly by: 'nft' | 'apart'
  }
}

/** Which datagrams are taken: all, or those to these ports, and those to these addresses. */
export function takenUdp({ udp, special, hosts }: Pick<CapturePlan, 'udp' | 'special' | 'hosts'>): TakenUdp {
  if (udp.kind === 'take') return 'all'
  const ports = special.filter(({ proto }) => proto === 'udp').map(({ port }) => port)
  return { ports, addresses: isAnywhere(udp.to) ? hosts : [] }
}
export type TakenUdp = 'all' | { readonly ports: readonly number[]; readonly addresses: readonly string[] }

/** Whether a socket of ours stands for any family. */
export function isAnywhere(to: LocalPorts | undefined): boolean {
  return to !== undefined && (to[4] !== undefined || to[6] !== undefined)
}

/** What the gateway says about a held packet, as the mark it goes through the rules with again; added to the plan's mark. */
export const HELD_MARK = {
  accept: 0,
  reset: 1,
  hostUnreachable: 2,
  networkUnreachable: 3,
} as const
export type HeldAnswer = keyof typeof HELD_MARK

/** The table, of family inet, that holds all rules. No other is touched. */
export const TABLE = 'fairlead'
/** The chain that connection attempts wait in. */
export const HOLD_CHAIN = 'hold'
/** What routes and policy rules are stamped with (`protocol` of ip-rule and ip-route), so that ours are told from everybody else's. */
export const ROUTE_PROTOCOL = 166
/** Priority of the policy rule; those on both its sides are ours too. Before the main table (32766), behind nothing that people use. */
export const RULE_PRIORITY = 7766

/**
 * SO_PRIORITY of the sockets that send from a port's detour in place of the port. Values above 6 are CAP_NET_ADMIN's, so no other program's packets
 * have it by chance, and unlike a mark it changes no route.
 */
export const DETOUR_PRIORITY = 0x6661_6972
/** Ports below 1024 have theirs above 64512, where systems neither listen nor choose ports by themselves (Linux: 32768 to 60999). */
export const DETOUR_BITS = 0xfc00

/** The port to send from where `port` cannot be had; its own detour's detour. None has the detour 0, which would mean any port. */
export function detourOf(port: number): number {
  return port ^ DETOUR_BITS || DETOUR_BITS
}
