import type { Container } from '../contracts/containers.ts'
import type { GatewayError } from '../contracts/gateway-error.ts'
import type { NameSource, Route } from '../contracts/route.ts'

/** The fields of the flow log; names are stable, absent ones are left out. Durations in milliseconds, sizes in bytes. */
export interface FlowLine {
  readonly flow: string
  readonly door: string
  readonly protocol: string | undefined
  readonly scope: string
  readonly client: string
  readonly user: string | undefined
  /** Which container the client is, where the engine knows its address. */
  readonly container: Pick<Container, 'name' | 'image' | 'project' | 'service'> | undefined
  readonly target: string
  /** Of captured connections: the address that was dialled, and what became of a name. */
  readonly captured: CapturedLine | undefined
  readonly scheme: string
  readonly decision: Route['decision'] | undefined
  readonly route: string | undefined
  readonly because: Route['because'] | undefined
  /** How a PAC script came to its answer. */
  readonly pac: Route['pac'] | undefined
  readonly failedAttempts: readonly { route: string; code: string; message: string }[] | undefined
  /** Candidates before the one that came about that were not tried, for they failed for others. */
  readonly passedOver: readonly PassedOverLine[] | undefined
  readonly status: number | undefined
  readonly bytesUp: number
  readonly bytesDown: number
  readonly packetsUp: number | undefined
  readonly packetsDown: number | undefined
  readonly decisionMs: number | undefined
  readonly dialMs: number | undefined
  readonly firstByteMs: number | undefined
  readonly durationMs: number | undefined
  readonly ended: string
  readonly error: Partial<GatewayError> | undefined
  readonly cause: unknown
}

export interface CapturedLine {
  readonly dialled: string
  readonly nameSource?: NameSource
  readonly oneOf?: readonly string[]
  readonly disbelieved?: string
  readonly disagrees?: true
  readonly unverified?: true
}

export interface PassedOverLine {
  readonly route: string
  readonly code: string
  readonly message: string
  /** Milliseconds that this goes on from then. */
  readonly forMs: number
}
