import type { Clock } from '../contracts/clock.ts'
import type { Dialed } from '../contracts/dialer.ts'
import { GatewayError } from '../contracts/gateway-error.ts'
import type { RelayCounts } from '../contracts/relay.ts'
import type { Client, Route, RouteQuery } from '../contracts/route.ts'
import type { Scope } from '../contracts/target.ts'
import { formatAuthority } from '../wire/target.ts'
import type { FlowLine } from './flow-line.ts'
import {
  describeAttempt,
  describeCaptured,
  describeContainer,
  describePassedOver,
  formatCandidate,
  formatClient,
} from './flow-words.ts'
import { type Listed, LiveList } from './live-list.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'

/** What the records need to know of a flow; tunnels and plain-HTTP requests both have it. */
export interface Recorded extends RouteQuery {
  readonly id: string
  readonly door: string
  readonly protocol?: string
  /** Where bytes are counted elsewhere while it lives. */
  readonly counts?: Readonly<RelayCounts>
}

/** How a flow ended, from the relay or from the plain-HTTP exchange. */
export interface Ending {
  readonly ended: string
  readonly bytesUp: number
  readonly bytesDown: number
  /** Datagrams, where the flow is made of those. */
  readonly packetsUp?: number
  readonly packetsDown?: number
  readonly firstByteMs?: number
  readonly status?: number
  /** Why the client did not get the upstream's answer, where it did not. */
  readonly error?: GatewayError
  /** Monotonic ms, where it happened some time before it was known here. */
  readonly at?: number
}

/** A flow as `fairlead status` shows it while it lives. */
export interface LiveFlow {
  readonly id: string
  readonly door: string
  readonly client: string
  /** The name of the container that the client is. */
  readonly container?: string
  readonly target: string
  readonly route: string
  readonly ageMs: number
  readonly bytesUp: number
  readonly bytesDown: number
}

/** Follows one flow; on its end one log line says all that is known of it. */
export class FlowRecord implements Listed<FlowRecord> {
  readonly counts: RelayCounts
  /** As of `LiveList`. */
  before: FlowRecord | undefined
  after: FlowRecord | undefined
  isListed = false
  #flow: Recorded
  readonly #records: FlowRecords
  readonly #startedAt: number
  #decidedAt: number | undefined
  #dialedAt: number | undefined
  #route: Route | undefined
  #dialed: Dialed<unknown> | undefined

  constructor(flow: Recorded, records: FlowRecords, startedAt: number) {
    this.#flow = flow
    this.counts = flow.counts ?? { bytesUp: 0, bytesDown: 0 }
    this.#records = records
    this.#startedAt = startedAt
  }

  get startedAt(): number {
    return this.#startedAt
  }

  get decidedAt(): number | undefined {
    return this.#decidedAt
  }

  /** Times here are monotonic milliseconds, given where it happened some time before it was known. The first time counts. */
  decided(route: Route, at = this.#records.clock.monotonic()): void {
    this.#route = route
    this.#decidedAt ??= at
  }

  dialed(dialed: Dialed<unknown>, at = this.#records.clock.monotonic()): void {
    this.#dialed = dialed
    this.#dialedAt = at
  }

  /** Who the client is has become known after the flow began. */
  identified(client: Client): void {
    if (client !== this.#flow.client) this.#flow = { ...this.#flow, client }
  }

  get dialedAt(): number | undefined {
    return this.#dialedAt
  }

  get isDialed(): boolean {
    return this.#dialed !== undefined
  }

  /** It was none: somebody else begins with the same client anew. */
  forget(): void {
    this.#records.forget(this)
  }

  failed(error: GatewayError): void {
    const ended = error.code === 'CLIENT_GONE' ? 'client-gone' : 'rejected'
    this.#finish({ ended, bytesUp: 0, bytesDown: 0, error })
  }

  ended(ending: Ending): void {
    this.#finish(ending)
  }

  live(): LiveFlow {
    const { container } = this.#flow.client
    return {
      id: this.#flow.id,
      door: this.#flow.door,
      client: formatClient(this.#flow.client),
      ...(container ? { container: container.name } : {}),
      target: formatAuthority(this.#flow.target),
      route: this.#dialed ? formatCandidate(this.#dialed.candidate) : 'deciding',
      ageMs: Math.round(this.#records.clock.monotonic() - this.#startedAt),
      bytesUp: this.counts.bytesUp,
      bytesDown: this.counts.bytesDown,
    }
  }

  #finish(told: Ending): void {
    const ending = this.#records.shuttingDown ? asCutByUs(told) : told
    const { ended, error } = ending
    const now = ending.at ?? this.#records.clock.monotonic()
    const failed = error?.attempts.length ? error.attempts : (this.#dialed?.failed ?? [])
    const { scope } = this.#flow
    // The line is long, and most gateways that have much to do don't write it.
    this.#records.finished(this, { ...ending, scope, decision: this.#route?.decision }, () => ({
      flow: this.#flow.id,
      door: this.#flow.door,
      protocol: this.#flow.protocol,
      scope: this.#flow.scope,
      client: formatClient(this.#flow.client),
      user: this.#flow.client.user,
      container: describeContainer(this.#flow.client.container),
      target: formatAuthority(this.#flow.target),
      captured: describeCaptured(this.#flow.captured),
      scheme: this.#flow.scheme,
      decision: this.#route?.decision,
      route: this.#dialed ? formatCandidate(this.#dialed.candidate) : undefined,
      because: this.#route?.because,
      pac: this.#route?.pac,
      failedAttempts: failed.length > 0 ? failed.map(describeAttempt) : undefined,
      passedOver: this.#dialed?.passedOver?.length ? this.#dialed.passedOver.map(describePassedOver) : undefined,
      status: ending.status,
      bytesUp: ending.bytesUp,
      bytesDown: ending.bytesDown,
      packetsUp: ending.packetsUp,
      packetsDown: ending.packetsDown,
      decisionMs: between(this.#startedAt, this.#decidedAt),
      dialMs: between(this.#decidedAt, this.#dialedAt),
      firstByteMs: ending.firstByteMs === undefined ? undefined : round(ending.firstByteMs),
      durationMs: between(this.#startedAt, now),
      ended,
      error: error && { code: error.code, message: error.message, hop: error.hop, said: error.said, hint: error.hint },
      cause: error?.code === 'INTERNAL' ? error.cause : undefined,
    }))
  }
}

/** What the totals and the metrics count by. */
export interface FinishedFlow extends Ending {
  readonly scope: Scope
  readonly decision: Route['decision'] | undefined
}

export interface FlowTotals {
  readonly flows: number
  readonly rejected: number
  readonly bytesUp: number
  readonly bytesDown: number
}

/** The flows that live now, and the one log line that each leaves behind. */
export class FlowRecords {
  readonly clock: Clock
  readonly #live = new LiveList<FlowRecord>()
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #totals = { flows: 0, rejected: 0, bytesUp: 0, bytesDown: 0 }
  #shuttingDown = false

  constructor(clock: Clock, log: Log, metrics: Metrics) {
    this.clock = clock
    this.#log = log
    this.#metrics = metrics
  }

  /** `at`: monotonic milliseconds, where it began some time before it was known. */
  open(flow: Recorded, at = this.clock.monotonic()): FlowRecord {
    const record = new FlowRecord(flow, this, at)
    this.#live.add(record)
    return record
  }

  forget(record: FlowRecord): void {
    this.#live.delete(record)
  }

  /** `line` is made only if it is written. */
  finished(record: FlowRecord, flow: FinishedFlow, line: () => FlowLine): void {
    if (!this.#live.delete(record)) return
    this.#totals.flows += 1
    if (flow.ended === 'rejected') this.#totals.rejected += 1
    this.#totals.bytesUp += flow.bytesUp
    this.#totals.bytesDown += flow.bytesDown
    this.#metrics.flowEnded(flow)
    if (flow.error?.code === 'INTERNAL') {
      const written = line()
      this.#log.error({ ...written, err: written.cause }, 'flow')
    } else if (this.#log.isLevelEnabled('info')) this.#log.info(line(), 'flow')
  }

  /** From here on flows are cut by us: what looks as if a client had left is none. */
  shutDown(): void {
    this.#shuttingDown = true
  }

  get shuttingDown(): boolean {
    return this.#shuttingDown
  }

  /** Of flows that have ended; payload bytes. */
  get totals(): Readonly<FlowTotals> {
    return this.#totals
  }

  get size(): number {
    return this.#live.size
  }

  live(limit: number): LiveFlow[] {
    return this.#live.first(limit).map((record) => record.live())
  }
}

function asCutByUs(ending: Ending): Ending {
  const { ended, error } = ending
  return {
    ...ending,
    ended: ended === 'client-reset' || ended === 'client-gone' ? 'aborted' : ended,
    ...(error?.code === 'CLIENT_GONE' ? { error: shutDownError(error) } : {}),
  }
}

function shutDownError({ attempts }: GatewayError): GatewayError {
  return new GatewayError('SHUTTING_DOWN', 'the gateway is shutting down', { attempts })
}

function between(from: number | undefined, to: number | undefined): number | undefined {
  return from === undefined || to === undefined ? undefined : round(to - from)
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100
}
