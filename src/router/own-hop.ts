import type { Container } from '../contracts/containers.ts'
import type { Candidate, Client } from '../contracts/route.ts'
import { type Decision, describeChain, reject } from './decision.ts'

/**
 * A proxy that runs in a container cannot have itself as its way out: what it sends would come back to it, and each turn of the circle is one more
 * connection, without end. Ways out that lead through the client are left out; where there is no other, its flow is refused, with what ends the circle.
 */
export function stopAtOwnHop(decision: Decision, client: Client): Decision {
  if (decision.decision !== 'proxy') return decision
  const own = addressesOf(client)
  if (own.size === 0) return decision
  const isOwn = ({ hops }: Candidate) => hops.some(({ host }) => own.has(host))
  const candidates = decision.candidates.filter((candidate) => !isOwn(candidate))
  if (candidates.length === decision.candidates.length) return decision
  if (candidates.length > 0) return { ...decision, candidates }
  const { hops } = decision.candidates.find(isOwn)!
  const who = client.container ? `container ${client.container.name}` : `the client ${client.address}`
  const detail = `${decision.because.detail}; but ${who} is itself a proxy of this way out (${describeChain(hops)})`
  return { ...decision, ...reject('own-hop', detail) }
}

function addressesOf({ container, address, local }: Client): ReadonlySet<string> {
  if (container) return new Set(ownAddresses(container))
  // The gateway's own machine is many programs.
  return new Set(address === undefined || local ? [] : [address])
}

function ownAddresses({ endpoints, outward }: Container): readonly string[] {
  return [...endpoints.flatMap(({ addresses }) => addresses), ...(outward ?? [])]
}
