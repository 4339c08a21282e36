import type { RelayCounts } from '../../contracts/relay.ts'
import type { Captured, Client } from '../../contracts/route.ts'
import type { Scheme, Scope, Target } from '../../contracts/target.ts'
import type { FlowRecord, Recorded } from '../../observe/flow-records.ts'
import { BYTES_DOWN, BYTES_UP, ROW } from '../../relay/worker-protocol.ts'
import type { FrontDecision } from './front-decision.ts'

/** A flow whose two ends are descriptors of the front's thread, as the records see it. Slim: there may be ten thousand that do nothing. */
export class FrontFlow implements Recorded, Readonly<RelayCounts> {
  readonly id: string
  readonly decision: FrontDecision
  readonly protocol: string
  readonly #port: number
  readonly #rows: Float64Array
  readonly #at: number
  /** Set as soon as there is one. */
  record!: FlowRecord

  /** `port`: the client's. `row`: of `rows`, where the thread counts. */
  constructor(id: string, decision: FrontDecision, protocol: string, port: number, rows: Float64Array, row: number) {
    this.id = id
    this.decision = decision
    this.protocol = protocol
    this.#port = port
    this.#rows = rows
    this.#at = row * ROW
  }

  get door(): string {
    return this.decision.context.name
  }

  get target(): Target {
    return this.decision.query.target
  }

  get scheme(): Scheme {
    return this.decision.query.scheme
  }

  get scope(): Scope {
    return this.decision.query.scope
  }

  get client(): Client {
    return { ...this.decision.query.client, port: this.#port }
  }

  /** An undefined that reads as absent: records ask for it only when they write. */
  get captured(): Captured {
    return this.decision.query.captured!
  }

  get counts(): Readonly<RelayCounts> {
    return this
  }

  get bytesUp(): number {
    return this.#rows[this.#at + BYTES_UP]!
  }

  get bytesDown(): number {
    return this.#rows[this.#at + BYTES_DOWN]!
  }
}
