import type { Clock } from '../contracts/clock.ts'
import type { RequestDialer } from '../contracts/request.ts'
import type { Router } from '../contracts/route.ts'
import { createDoorAuth } from '../credentials/door-auth.ts'
import { type AllDialers, createDialers } from '../dialers/create-dialers.ts'
import { createRequestDialer } from '../dialers/request/create-request-dialer.ts'
import type { FlowRecords } from '../observe/flow-records.ts'
import { createContainerJudge, isNoContainers } from '../services/reverse/container-judge.ts'
import { createContainerResolver } from '../services/reverse/create-container-resolver.ts'
import { createFixedRouter } from '../services/reverse/fixed-router.ts'
import type { OwnAddress } from '../services/reverse/reach.ts'
import { whileRunning } from '../services/reverse/while-running.ts'
import type { DoorSettings, Settings } from '../settings/settings.ts'
import { admitsFrom } from './admits-from.ts'
import { type DoorParts, type DoorPlan, Doors } from './doors.ts'
import type { Engine } from './engine.ts'
import { handleFlow } from './handle-flow.ts'
import { handleRequest } from './handle-request.ts'
import { ownAddresses as ofThisMachine } from './host-addresses.ts'
import type { Prepared } from './prepare-all.ts'
import type { Relays } from './relay.ts'
import { USER_AGENT } from './version.ts'

export interface ReverseOptions extends Pick<DoorParts, 'limits' | 'nextId' | 'refused' | 'createHttpDoor'> {
  readonly clock: Clock
  readonly engine: Engine
  readonly records: FlowRecords
  readonly relays: Relays
  /** Addresses of this machine, or of the container that we are, without loopback; default: those of its interfaces. */
  readonly ownAddresses?: () => readonly OwnAddress[]
  /** What is never dialled; default: what no container can have. */
  readonly isNever?: (address: string) => boolean
}

/** What one version of the settings becomes. */
interface Parts {
  readonly settings: Settings
  readonly router: Router
  readonly dialers: AllDialers
  readonly requests: RequestDialer
}

/**
 * The doors by which the host's programs reach containers: doors as all others, a route that is always direct, and a dialer that knows containers
 * and nothing else. No rule of the settings applies.
 */
export class Reverse {
  readonly #options: ReverseOptions
  readonly #doors: Doors
  /** Set by the first `prepare`, before a door is open: from then on there may be clients. */
  #current!: Parts

  constructor(options: ReverseOptions) {
    const { engine, records, relays } = options
    this.#options = options
    this.#doors = new Doors({
      ...options,
      handleFlow: (flow, signal) => {
        const { router, dialers, settings } = this.#current
        return handleFlow(engine.identified(flow), { router, dialers, relay: relays.for(settings), records }, signal)
      },
      handleRequest: (flow, signal) => {
        const { router, requests } = this.#current
        return handleRequest(engine.identified(flow), { router, requests, records }, signal)
      },
    })
    // A name may now mean another container.
    engine.onChange(() => {
      const current = this.#current as Parts | undefined
      current?.dialers.walk.forgetFailures?.()
      current?.requests.dropIdle()
    })
  }

  get names(): string[] {
    return this.#doors.names
  }

  get addresses() {
    return this.#doors.addresses
  }

  get connections(): number {
    return this.#doors.connections
  }

  /** As `Doors.prepare`. */
  async prepare(settings: Settings, generation: number): Promise<Prepared> {
    const next = this.#partsOf(settings, generation)
    this.#current ??= next
    const doors = await this.#doors.prepare(settings.reverse.listen.map(planOf))
    return {
      abandon: () => doors.abandon(),
      commit: () => {
        const previous = this.#current
        this.#current = next
        doors.commit()
        if (previous !== next) previous.requests.close()
      },
    }
  }

  drain(): void {
    this.#doors.drain()
  }

  /** As of `Doors`. */
  giveUp(): void {
    this.#doors.giveUp()
  }

  close(): void {
    this.#doors.drain()
    this.#doors.destroy()
    ;(this.#current as Parts | undefined)?.requests.close()
  }

  #partsOf(settings: Settings, generation: number): Parts {
    // By them we know which container we are, if we are one.
    const { clock, engine, ownAddresses = ofThisMachine } = this.#options
    const { timeouts, limits } = settings
    const isNever = this.#options.isNever ?? ((address: string) => isNoContainers(address, ownAddresses()))
    const around = { directory: engine, ownAddresses }
    const judge = createContainerJudge(around, isNever)
    const dialers = createDialers({
      clock,
      resolver: createContainerResolver({ ...around, refresh: () => engine.refresh() }),
      judge,
      // Our own doors are at this machine's addresses, which the judge never lets through.
      isOwnEndpoint: () => false,
      userAgent: USER_AGENT,
      dialDeadlineMs: timeouts.dial,
      attemptMs: timeouts.attempt,
      failureMemoryMs: timeouts.failureMemory,
    })
    const dial: AllDialers['dial'] = (route, query, signal) =>
      whileRunning(engine, query.target, signal, (running) => dialers.dial(route, query, running))
    const requests = createRequestDialer({
      walk: dialers.walk,
      clock,
      dialTarget: (candidate, query, signal) =>
        whileRunning(engine, query.target, signal, (running) => dialers.dialTarget(candidate, query, running)),
      dialLastHop: (candidate, _query, signal) => dialers.dialLastHop(candidate, signal),
      limits: { maxIdle: limits.idleUpstreams, maxHeaderBytes: limits.requestHead },
    })
    // The engine's word of what has just happened may still be on its way: a container has started, or we were attached to its network.
    const settled = async (address: string) => {
      if (!isNever(address) && judge(address)) await engine.refresh()
    }
    return { settings, router: createFixedRouter(generation, settled), dialers: { ...dialers, dial }, requests }
  }
}

function planOf({ address, scope, from, users }: DoorSettings): DoorPlan {
  return {
    kind: 'reverse',
    leadsTo: 'containers',
    address,
    scope,
    from,
    admits: admitsFrom(from),
    carriesPackets: false,
    ...(users ? { auth: createDoorAuth(users) } : {}),
  }
}
