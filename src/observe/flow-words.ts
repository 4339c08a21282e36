import type { Container } from '../contracts/containers.ts'
import type { FailedAttempt, PassedOver } from '../contracts/dialer.ts'
import type { Candidate, Captured, Client } from '../contracts/route.ts'
import { formatAuthority } from '../wire/target.ts'
import { describeHop } from '../wire/upstream-url.ts'
import { clientName } from './client-name.ts'
import type { CapturedLine, FlowLine, PassedOverLine } from './flow-line.ts'

export function describeCaptured(captured: Captured | undefined): CapturedLine | undefined {
  return captured && { ...captured, dialled: formatAuthority(captured.dialled) }
}

/** `direct`, `http://squid.example:3128`, or a chain with ` > ` between its hops, nearest first. */
export function formatCandidate(candidate: Candidate): string {
  return candidate.hops.length === 0 ? 'direct' : candidate.hops.map(describeHop).join(' > ')
}

export function describeContainer(container: Container | undefined): FlowLine['container'] {
  if (!container) return undefined
  const { name, image, project, service } = container
  return { name, image, ...(project === undefined ? {} : { project }), ...(service === undefined ? {} : { service }) }
}

export function formatClient(client: Client): string {
  if (client.address === undefined) return clientName(client)
  return client.address.includes(':') ? `[${client.address}]:${client.port}` : `${client.address}:${client.port}`
}

export function describeAttempt({ candidate, error }: FailedAttempt) {
  return { route: formatCandidate(candidate), code: error.code, message: error.message }
}

/** Of a proxy that is tried last, for it failed lately: why, and for how many milliseconds more. */
export function describePassedOver(passedOver: PassedOver): PassedOverLine {
  return { ...describeAttempt(passedOver), forMs: Math.round(passedOver.forMs) }
}
