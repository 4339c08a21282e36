import type { Candidate, RouteQuery } from '../contracts/route.ts'
import { type Decision, describeChain, reject } from './decision.ts'

/**
 * A proxy that runs in a container cannot have itself as its way out: what it sends would come back to it, and each turn of the circle is one more
 * connection, without end. Ways out that lead through the client are left out; where there is no other, its flow is refused, with what ends the circle.
 * At the doors too, for a proxy may have one of them as its parent. (Containers that share its address cannot be told from it.)
 */
export function stopAtOwnHop(decision: Decision, query: Pick<RouteQuery, 'client' | 'captured'>): Decision {
  if (decision.candidates.every(({ hops }) => hops.length === 0)) return decision
  const { client } = query
  const own = addressesOf(query)
  if (own.size === 0) return decision
  const isOwn = ({ hops }: Candidate) => hops.some(({ host }) => own.has(host))
  const candidates = decision.candidates.filter((candidate) => !isOwn(candidate))
  if (candidates.length === decision.candidates.length) return decision
  if (candidates.length > 0) {
    const { source, detail } = decision.because
    const because = { source, detail: `${detail} (the way through the client itself is left out)` }
    return { ...decision, decision: candidates[0]!.hops.length > 0 ? 'proxy' : 'direct', candidates, because }
  }
  const { hops } = decision.candidates.find(isOwn)!
  const who = client.container ? `container ${client.container.name}` : `the client ${client.address}`
  const detail = `${decision.because.detail}; but ${who} is itself a proxy of this way out (${describeChain(hops)})`
  return { ...decision, ...reject('own-hop', detail) }
}

function addressesOf({ client, captured }: Pick<RouteQuery, 'client' | 'captured'>): ReadonlySet<string> {
  const { container, address } = client
  // Without an engine only a captured address is surely one program's: from the gateway's own machine many come.
  if (!container) return new Set(captured && address !== undefined ? [address] : [])
  const { endpoints, outward } = container
  // Addresses of overlay networks lead to nobody from here; another machine may have them. Only containers in those have outward ones.
  const reachable = outward ?? endpoints.flatMap(({ addresses }) => addresses)
  return new Set([...reachable, ...(address === undefined ? [] : [address])])
}
