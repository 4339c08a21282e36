import type { Clock } from '../../contracts/clock.ts'
import type { FailedConnect } from '../../contracts/dialer.ts'
import type { DoorContext } from '../../contracts/door.ts'
import { GatewayError } from '../../contracts/gateway-error.ts'
import type { RouteQuery } from '../../contracts/route.ts'
import type { Target } from '../../contracts/target.ts'
import { ASK, type Batch, BEGUN, END, ENDS, FAILED, HELD, STAND } from '../../front/messages.ts'
import { PROTOCOLS } from '../../front/opening.ts'
import type { FlowRecords } from '../../observe/flow-records.ts'
import { isLoopback } from '../../wire/address.ts'
import { failedConnect } from './failed-connect.ts'
import { type DecisionWays, FrontDecision } from './front-decision.ts'
import { FrontFlow } from './front-flow.ts'
import type { GivenDecisions } from './given-decisions.ts'

export interface FrontFlowsOptions {
  readonly clock: Clock
  readonly records: FlowRecords
  /** What decides now; asked for each question. */
  ways(): DecisionWays
  /** The same query with all that is known of its client, as the flows of the doors have it. */
  identified(query: RouteQuery): RouteQuery
}

/** A door as the thread's questions need it. */
export interface AskedDoor {
  readonly context: DoorContext
  /** Where clients do not say themselves what they want: what they are taken to want. Undefined: the door finds out. */
  query?(dialled: Target, client: { readonly address: string; readonly port: number }): RouteQuery | undefined
}

/** The thread, as far as questions go. */
export interface Asking {
  readonly rows: Float64Array
  readonly epoch: number
  answer(client: number, addresses: readonly string[], decision: number, epoch: number): void
}

/** The flows of one thread of the front: decides what it asks, and keeps the records of what it does. */
export class FrontFlows {
  readonly #options: FrontFlowsOptions
  readonly #thread: Asking
  /** By the thread's number of the client. */
  readonly #flows = new Map<number, FrontFlow>()
  /** Those that are being decided. */
  readonly #deciding = new Map<number, AbortController>()
  /** What the thread has tried in vain, by its number of the client. */
  readonly #failed = new Map<number, FailedConnect[]>()
  /** Those that the thread may name again. */
  readonly #decisions = new Map<number, FrontDecision>()
  readonly #given: GivenDecisions
  #lastDecision = -1
  #tunnels = 0

  /** `given`: keeps how far it has come with those that it gives to their doors. */
  constructor(options: FrontFlowsOptions, thread: Asking, given: GivenDecisions) {
    this.#options = options
    this.#thread = thread
    this.#given = given
  }

  /** That came to stand, since the start. */
  get tunnels(): number {
    return this.#tunnels
  }

  /** `ahead`: milliseconds that our clock is ahead of the thread's. `doorOf`: by its number. */
  obey(batch: Batch, ahead: number, doorOf: (door: number) => AskedDoor): void {
    const { asks, begun, failed, stands, ends, held } = batch
    for (let at = 0; at < asks.length; at += ASK) this.#asked(asks, at, ahead, doorOf)
    for (let at = 0; at < begun.length; at += BEGUN) this.#begun(begun, at, ahead)
    for (let at = 0; at < failed.length; at += FAILED) this.#couldNot(failed, at)
    for (let at = 0; at < stands.length; at += STAND) this.#stands(stands[at]!, stands[at + 1]! + ahead)
    for (let at = 0; at < ends.length; at += END) this.#ended(ends, at, ahead)
    for (const client of batch.gone) this.#left(client, gone('the client closed its connection'))
    for (const { client } of batch.gifts) if (client !== undefined) this.#left(client, undefined)
    for (let at = 0; at < held.length; at += HELD) this.#left(held[at] as number, undefined)
    for (const decision of batch.forgotten) this.#decisions.delete(decision)
  }

  /** The thread has died. `at`: monotonic milliseconds. */
  lost(at: number): void {
    for (const [client, { record, bytesUp, bytesDown }] of [...this.#flows]) {
      if (record.isDialed) record.ended({ ended: 'aborted', bytesUp, bytesDown, at })
      this.#left(client, gone('the connection was lost with the thread that held it'))
    }
    this.#decisions.clear()
  }

  #asked(asks: Batch['asks'], at: number, ahead: number, doorOf: (door: number) => AskedDoor): void {
    const client = asks[at] as number
    const door = doorOf(asks[at + 1] as number)
    const [host, family, port] = asks.slice(at + 3, at + 6) as [string, 0 | 4 | 6, number]
    const from = { address: asks[at + 6] as string, port: asks[at + 7] as number }
    // A client from before a reload: the thread took it when its door asked for no credentials. Now the door asks.
    const query = door.context.auth ? undefined : this.#queryAt(door, { host, family, port }, from)
    if (query === undefined) return void this.#thread.answer(client, [], -1, this.#thread.epoch)
    const decision = new FrontDecision(door.context, query)
    const [place, row, asked] = [asks[at + 2] as number, asks[at + 8] as number, (asks[at + 9] as number) + ahead]
    const flow = this.#open(client, decision, place, asks[at + 7] as number, row, asked)
    void this.#decide(client, flow)
  }

  #queryAt(door: AskedDoor, target: Target, from: { readonly address: string; readonly port: number }) {
    if (door.query) return door.query(target, from)
    return this.#options.identified({
      target,
      scheme: target.port === 80 ? 'http' : 'https',
      scope: door.context.scope,
      client: { ...from, local: isLoopback(from.address) },
    })
  }

  /** Served already, by what was decided for somebody before. */
  #begun(begun: readonly number[], at: number, ahead: number): void {
    const decision = this.#decisions.get(begun[at + 1]!)!
    const [place, port, row, asked] = [begun[at + 2]!, begun[at + 3]!, begun[at + 4]!, begun[at + 5]! + ahead]
    const flow = this.#open(begun[at]!, decision, place, port, row, asked)
    flow.record.decided(decision.route!, asked)
  }

  #open(client: number, decision: FrontDecision, place: number, port: number, row: number, at: number) {
    const flow = new FrontFlow(decision.context.nextId(), decision, PROTOCOLS[place]!, port, this.#thread.rows, row)
    flow.record = this.#options.records.open(flow, at)
    this.#flows.set(client, flow)
    return flow
  }

  async #decide(client: number, flow: FrontFlow): Promise<void> {
    const { decision, record } = flow
    const { epoch } = this.#thread
    decision.epoch = epoch
    const deciding = new AbortController()
    this.#deciding.set(client, deciding)
    await decision.make(this.#options.ways(), record, deciding.signal)
    if (this.#deciding.get(client) !== deciding) return // it has left meanwhile
    this.#deciding.delete(client)
    this.#thread.answer(client, decision.addresses, decision.holdsForOthers ? this.#number(decision) : -1, epoch)
  }

  #number(decision: FrontDecision): number {
    this.#lastDecision += 1
    this.#decisions.set(this.#lastDecision, decision)
    return this.#lastDecision
  }

  /** Connect to an address. */
  #couldNot(failed: Batch['failed'], at: number): void {
    const [client, address, error] = failed.slice(at, at + FAILED) as [number, string, number]
    const flow = this.#flows.get(client)
    if (!flow) return
    const known = this.#failed.get(client) ?? []
    this.#failed.set(client, known)
    known.push(failedConnect(address, flow.target.port, error))
  }

  #stands(client: number, at: number): void {
    this.#failed.delete(client)
    const flow = this.#flows.get(client)
    if (!flow) return
    this.#tunnels += 1
    flow.record.dialed(flow.decision.dialed!, at)
  }

  #ended(ends: readonly number[], at: number, ahead: number): void {
    const flow = this.#flows.get(ends[at]!)
    if (!flow) return
    this.#flows.delete(ends[at]!)
    const firstByteMs = ends[at + 4]!
    // The thread reads the clock for a first byte, and tells an end by the time at which its turn began.
    const firstByteAt = firstByteMs < 0 ? 0 : (flow.record.dialedAt ?? 0) + firstByteMs
    flow.record.ended({
      ended: ENDS[ends[at + 1]!]!,
      bytesUp: ends[at + 2]!,
      bytesDown: ends[at + 3]!,
      ...(firstByteMs < 0 ? {} : { firstByteMs }),
      at: Math.max(ends[at + 5]! + ahead, firstByteAt),
    })
  }

  /** Before its tunnel stood. Without an error: it is a door's now, and comes again as a flow of that door. */
  #left(client: number, error: GatewayError | undefined): void {
    const flow = this.#flows.get(client)
    this.#flows.delete(client)
    const failed = this.#failed.get(client) ?? []
    this.#failed.delete(client)
    const deciding = this.#deciding.get(client)
    this.#deciding.delete(client)
    deciding?.abort(error ?? gone('the client has been given to its door'))
    if (!flow) return
    if (error) {
      flow.record.failed(error)
      return
    }
    flow.record.forget()
    const { context, query, route, epoch } = flow.decision
    const { startedAt: askedAt, decidedAt } = flow.record
    if (route === undefined || epoch === undefined || decidedAt === undefined) return
    const asked = { ...query, client: flow.client }
    const given = { query: asked, route, epoch, askedAt, decidedAt, failed }
    this.#given.keep(context.name, given, this.#options.clock.monotonic())
  }
}

const gone = (message: string): GatewayError => new GatewayError('CLIENT_GONE', message)
