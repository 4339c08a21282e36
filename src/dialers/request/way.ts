import { createHash } from 'node:crypto'
import type { OutgoingRequest } from '../../contracts/request.ts'
import type { Candidate, Hop, RouteQuery } from '../../contracts/route.ts'

/** How one request travels over one candidate, and which idle connections it may take. */
export interface Way {
  /** The HTTP(S) proxy that takes the request in absolute-form; absent: origin-form over a connection to the target. */
  readonly proxy: Hop | undefined
  /** Connections with equal keys are interchangeable, for this request and for the rules that admitted it. */
  readonly key: string
}

/**
 * A candidate whose last hop speaks HTTP takes requests in absolute-form, as that hop's own clients would send them. An Upgrade goes
 * through a tunnel even there: a proxy would strip it. `verdicts`: see `RequestDialerOptions`.
 */
export function wayFor(
  generation: number,
  candidate: Candidate,
  query: RouteQuery,
  request: OutgoingRequest,
  verdicts = 0,
): Way {
  const last = candidate.hops.at(-1)
  const proxy = last && isHttp(last) && request.upgrade === undefined ? last : undefined
  const { host, port } = query.target
  const { local, container, address } = query.client
  // The direct dialer judged the target's addresses for this client, which may be a container that some are closed to; another one must not inherit the verdict, nor
  // whoever has the address later.
  const client = local ? 'local' : `${container?.id ?? address ?? 'remote'} ${verdicts}`
  const admitted = proxy ? '' : `${query.scope} ${client} ${host}:${port}`
  return { proxy, key: `${generation} ${fingerprint(candidate)} ${admitted} ${request.boundTo ?? ''}` }
}

function isHttp(hop: Hop): boolean {
  return hop.kind === 'http' || hop.kind === 'https'
}

const fingerprints = new WeakMap<Candidate, string>()

/** Equal for equal hops with equal credentials. A digest, so that no key holds a password. */
function fingerprint(candidate: Candidate): string {
  if (candidate.hops.length === 0) return 'direct'
  const known = fingerprints.get(candidate)
  if (known !== undefined) return known
  const hops = candidate.hops.map((hop) => [
    hop.kind,
    hop.host,
    hop.port,
    hop.resolveLocally ?? false,
    hop.credentials?.username,
    hop.credentials?.password.reveal(),
  ])
  const digest = createHash('sha256').update(JSON.stringify(hops)).digest('base64')
  fingerprints.set(candidate, digest)
  return digest
}
