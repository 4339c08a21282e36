import type { CandidateWalk } from '../contracts/dialer.ts'
import { GatewayError } from '../contracts/gateway-error.ts'
import type { NetworkWatch } from '../contracts/network-watch.ts'
import type { PacketConn, PacketDialer } from '../contracts/packet.ts'
import type { Candidate, Hop, RouteQuery } from '../contracts/route.ts'
import type { AllDialers } from './create-dialers.ts'
import { describeHop, failedHop } from './hop-error.ts'
import { type ResolvingOptions, ResolvingPackets } from './resolving-packets.ts'
import type { SocksOptions } from './socks.ts'
import { UdpDirect } from './udp-direct.ts'
import { overSocksAssociate } from './udp-socks.ts'

export interface PacketDialerOptions extends ResolvingOptions, SocksOptions {
  /** 0 ≤ x < 1 */
  readonly chance: () => number
  readonly networkWatch?: Pick<NetworkWatch, 'onChange'>
  readonly walk: CandidateWalk
  readonly dialerFor: AllDialers['dialerFor']
}

/**
 * Ways out for datagrams. Through a chain, each proxy's relay is reached through the relay before it, so datagrams pass the same hops as streams
 * do, and a chain with a hop that carries streams only carries none.
 */
export function createPacketDialer(options: PacketDialerOptions): PacketDialer {
  return {
    open: (route, query, signal) =>
      options.walk.walk(route, signal, (candidate, attempt) => openThrough(candidate, query, options, attempt)),
  }
}

/** The kinds that know UDP ASSOCIATE. */
function isSocks5({ kind }: Hop): boolean {
  return kind === 'socks5' || kind === 'socks5h'
}

async function openThrough(
  { hops }: Candidate,
  query: RouteQuery,
  options: PacketDialerOptions,
  signal: AbortSignal,
): Promise<PacketConn> {
  const deaf = hops.find((hop) => !isSocks5(hop))
  if (deaf) {
    throw new GatewayError('POLICY_REJECTED', `${describeHop(deaf)} carries no UDP`, {
      hop: failedHop(deaf),
      hint: 'Only SOCKS5 proxies do.',
    })
  }
  const direct = new UdpDirect(options.chance, options.networkWatch)
  let conn: PacketConn = new ResolvingPackets(direct, options, hops.length === 0 ? query : undefined)
  for (const [place, hop] of hops.entries()) {
    const dialer = options.dialerFor({ hops: hops.slice(0, place) })
    conn = await overSocksAssociate(hop, place === 0, dialer, conn, options, signal)
  }
  return hops.at(-1)?.resolveLocally ? new ResolvingPackets(conn, options, query) : conn
}
