import type { HopKind } from '../../../../src/contracts/route.ts'
import type { TunnelKind } from '../clients/tunnel.ts'
import type { Scenario } from '../scenario.ts'
import { startApache } from './apache.ts'
import { startDante } from './dante.ts'
import { startFairleadPeer } from './fairlead.ts'
import { startMicrosocks } from './microsocks.ts'
import { AWKWARD_USER, type Peer } from './peer.ts'
import { startSquid } from './squid.ts'
import { startTinyproxy, TINYPROXY_USER } from './tinyproxy.ts'

/** One row of the table of upstreams that traffic is sent through. */
export interface Upstream {
  readonly title: string
  /** The scheme of its URL. */
  readonly kind: HopKind
  readonly start: (scenario: Scenario) => Promise<Peer>
  readonly asksPassword?: true
  /**
   * Whether the program itself delivers what the origin sends after the client's FIN. Measured (`peers.e2e.ts`): those that do not
   * lose it without Fairlead as well, so all that can be asked with them is a prompt end.
   */
  readonly keepsHalfClose: boolean
  /** squid 5.7 resets a large plain-HTTP upload now and then, with curl alone (6 in 40, on new connections and used ones) as with Fairlead. */
  readonly losesUploads?: true
  /** It has an IPv6 address to leave from. */
  readonly leavesByIpv6?: true
  /** Fairlead leaves from whichever address the kernel picks; the others are told to use their own. */
  readonly anyAddress?: true
}

export const UPSTREAMS: readonly Upstream[] = [
  { title: 'squid', kind: 'http', start: (s) => startSquid(s), keepsHalfClose: false, losesUploads: true },
  {
    title: 'squid with Basic',
    kind: 'http',
    start: (s) => startSquid(s, { user: AWKWARD_USER }),
    asksPassword: true,
    keepsHalfClose: false,
    losesUploads: true,
  },
  {
    title: 'squid with TLS',
    kind: 'https',
    start: (s) => startSquid(s, { tls: true }),
    keepsHalfClose: false,
    losesUploads: true,
  },
  {
    title: 'squid with TLS and Basic',
    kind: 'https',
    start: (s) => startSquid(s, { tls: true, user: AWKWARD_USER }),
    asksPassword: true,
    keepsHalfClose: false,
    losesUploads: true,
  },
  { title: 'tinyproxy', kind: 'http', start: (s) => startTinyproxy(s), keepsHalfClose: false },
  {
    title: 'tinyproxy with Basic',
    kind: 'http',
    start: (s) => startTinyproxy(s, { user: TINYPROXY_USER }),
    asksPassword: true,
    keepsHalfClose: false,
  },
  { title: 'apache', kind: 'http', start: (s) => startApache(s), keepsHalfClose: true },
  {
    title: 'apache with TLS and Basic',
    kind: 'https',
    start: (s) => startApache(s, { tls: true, user: AWKWARD_USER }),
    asksPassword: true,
    keepsHalfClose: true,
  },
  { title: 'dante, SOCKS4', kind: 'socks4', start: (s) => startDante(s), keepsHalfClose: true },
  { title: 'dante, SOCKS5', kind: 'socks5', start: (s) => startDante(s), keepsHalfClose: true, leavesByIpv6: true },
  {
    title: 'dante with password, SOCKS5',
    kind: 'socks5h',
    start: (s) => startDante(s, { password: true }),
    asksPassword: true,
    keepsHalfClose: true,
    leavesByIpv6: true,
  },
  { title: 'microsocks', kind: 'socks5h', start: (s) => startMicrosocks(s), keepsHalfClose: false },
  {
    title: 'microsocks with password',
    kind: 'socks5',
    start: (s) => startMicrosocks(s, { user: AWKWARD_USER }),
    asksPassword: true,
    keepsHalfClose: false,
  },
  {
    title: 'Fairlead, SOCKS4a',
    kind: 'socks4a',
    start: (s) => startFairleadPeer(s),
    keepsHalfClose: true,
    anyAddress: true,
  },
  {
    title: 'Fairlead with Basic',
    kind: 'http',
    start: (s) => startFairleadPeer(s, { user: AWKWARD_USER }),
    asksPassword: true,
    keepsHalfClose: true,
    anyAddress: true,
  },
  {
    title: 'Fairlead with TLS',
    kind: 'https',
    start: (s) => startFairleadPeer(s, { tls: true }),
    keepsHalfClose: true,
    anyAddress: true,
  },
]

/** How a client asks this kind of hop for a tunnel. */
export function tunnelKind(kind: HopKind): TunnelKind {
  if (kind === 'http' || kind === 'https') return 'connect'
  return kind === 'socks5h' ? 'socks5' : kind
}
