import type { Container } from './containers.ts'
import type { PacTrace } from './pac.ts'
import type { Credentials } from './secret.ts'
import type { Scheme, Scope, Target } from './target.ts'

/** The kinds of proxy a flow can leave through; also the scheme of their URL. */
export const HOP_KINDS = ['http', 'https', 'socks4', 'socks4a', 'socks5', 'socks5h'] as const
export type HopKind = (typeof HOP_KINDS)[number]

/** One proxy on the way out. As a `Target` it says where the proxy itself is reached. */
export interface Hop extends Target {
  readonly kind: HopKind
  readonly credentials?: Credentials
  /** `?dns=local`: the name of what lies behind this hop is resolved here and goes to it as an address. `socks4` always does. */
  readonly resolveLocally?: boolean
}

/** One way out: hops from the gateway outwards, nearest first. No hops: direct. */
export interface Candidate {
  readonly hops: readonly Hop[]
  /** Of a direct one: what is dialled, canonical, whatever the target's name may lead to. Absent: that. */
  readonly addresses?: readonly string[]
}

/** Why a decision came out as it did. `detail` is for people; neither ever holds a secret. */
export interface Because {
  readonly source:
    | 'default'
    | 'mode-none'
    | 'manual'
    | 'exclude'
    | 'environment'
    | 'pac'
    | 'pac-failure'
    | 'reject-name'
    | 'no-proxy-for-scheme'
    | 'access'
    | 'loop'
    | 'own-hop'
    | 'container-rule'
    | 'port'
    | 'name-mismatch'
    | 'special-name'
    | 'own-network'
    | 'udp'
  readonly detail: string
}

/** A decision and its reasons, nothing else. `reject` has no candidates; the other two have at least one. */
export interface Route {
  readonly decision: 'direct' | 'proxy' | 'reject'
  readonly candidates: readonly Candidate[]
  readonly because: Because
  /** Of a rejection: what is to be done, where more is known than why. */
  readonly hint?: string
  /** How the PAC script came to its answer, where one decided. */
  readonly pac?: PacTrace
  /** Which generation of the settings decided; memory of failed candidates is kept per generation. */
  readonly generation: number
}

/** Who asks. `address` is absent for UNIX-socket clients. */
export interface Client {
  readonly address?: string
  readonly port?: number
  /** On the gateway's own machine: a loopback address or a UNIX socket. */
  readonly local: boolean
  /** The name it authenticated with at the door, if it did. */
  readonly user?: string
  /** Which container it is, where the engine knows its address. */
  readonly container?: Container
}

/** How the name of a captured connection became known, in the order of trust (behaviour.md §1). */
export type NameSource = 'dns' | 'sni' | 'http-host'

/** What a client that knows nothing of proxies really dialled. `RouteQuery.target` is then what policy and proxies are told. */
export interface Captured {
  /** Always an address: the authority, and exactly what a direct route dials. */
  readonly dialled: Target
  /** Where the name in `RouteQuery.target` came from; absent where the target is the address itself. */
  readonly nameSource?: NameSource
  /** The DNS has told the client several names for this address, the latest first, and nothing said which is meant: the first was taken. */
  readonly oneOf?: readonly string[]
  /** A name that was seen and not believed, for the log. */
  readonly disbelieved?: string
  /** With `trust: name`: the name was believed although it leads to other addresses. Known once it has been looked up, which the connection does not wait for. */
  disagrees?: true
  /** With `trust: name`: nothing but the client's word says that the name leads to the dialled address. It opens no exception of the access rules. */
  unverified?: true
}

/** All that a decision may depend on. `explain` asks with exactly this, and so does traffic. */
export interface RouteQuery {
  readonly target: Target
  readonly scheme: Scheme
  readonly scope: Scope
  readonly client: Client
  /** Path and query (origin-form) of a plain-HTTP request, where known. */
  readonly path?: string
  /** Absent at the explicit doors, whose clients say themselves where they want to go. */
  readonly captured?: Captured
  /** Ask a PAC script for its helper calls in any case, as `explain` does; traffic gets them while the engine is not busy. */
  readonly trace?: boolean
}

export interface Router {
  /** Decides. Rejection is a `Route`, not an exception; only aborts and internal faults throw. */
  route(query: RouteQuery, signal: AbortSignal): Promise<Route>
}
