import type { ContainerDirectory } from '../contracts/containers.ts'
import { GatewayError, toGatewayError } from '../contracts/gateway-error.ts'
import { UNHURRIED_MS } from '../front/outbox.ts'
import { describePassedOver } from '../observe/flow-words.ts'
import type { Settings } from '../settings/settings.ts'
import { formatListenAddress, type ListenAddress } from '../wire/listen-address.ts'
import { every } from './every.ts'
import type { GatewayOptions } from './gateway-options.ts'
import type { GatewayStatus } from './gateway-status.ts'
import { createGeneration, type Generation } from './generation.ts'
import { Parts } from './parts.ts'
import { type Prepared, prepareAll } from './prepare-all.ts'
import { VERSION } from './version.ts'

/** Flows that `status` lists at most: a person reads a screen, not ten thousand lines. */
const FLOWS_SHOWN = 100
/** Milliseconds between looks whether the last flow has ended while draining. */
const DRAIN_POLL_MS = 20
/** Milliseconds after which the front has told of its newest flows, and this thread has heard it, with something to spare. */
const FRONT_NEWS_MS = 4 * UNHURRIED_MS
/** And whether another gateway captures in its place: with capture on each starts nft once. */
const SUCCESSOR_LOOK_MS = 1_000

/** Starts a gateway. Rejects, with nothing left open, when a door or a PAC script stands in the way. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const gateway = new Gateway(options)
  await gateway.start(options.settings).catch(async (thrown: unknown) => {
    await gateway.abandon()
    throw thrown
  })
  return gateway
}

export class Gateway {
  readonly #parts: Parts
  readonly #startedAt: number
  #generations = 0
  /** Set by `start`, before any door is open. */
  #current!: Generation
  /** Reloads queue up: each is made from the newest settings, one after the other. */
  #reloading: Promise<void> = Promise.resolve()
  /** What a reload opens and puts in force; settled while there is none, or it still waits for its scripts. */
  #exchanging: Promise<unknown> = Promise.resolve()
  /** Nothing is put in force any more. */
  #isEnding = false
  #closed: Promise<void> | undefined

  constructor(options: GatewayOptions) {
    this.#parts = new Parts(options, () => this.#current)
    this.#startedAt = this.#parts.clock.monotonic()
  }

  /** Every address listened on, as bound; doors only. */
  get addresses(): ListenAddress[] {
    return this.#parts.doors.addresses
  }

  get doors(): string[] {
    return [
      ...this.#parts.doors.names,
      ...this.#parts.reverse.names,
      ...this.#parts.capture.names,
      ...this.#parts.dns.names,
    ]
  }

  get adminAddresses(): string[] {
    return this.#parts.statusDoors.addresses.map(formatListenAddress)
  }

  /** Tunnels that the threads in front of the doors have opened. */
  get frontTunnels(): number {
    return this.frontTunnelsByThread.reduce((sum, tunnels) => sum + tunnels, 0)
  }

  /** The same of each thread. */
  get frontTunnelsByThread(): readonly number[] {
    return this.#parts.front?.tunnels ?? []
  }

  get settings(): Settings {
    return this.#current.settings
  }

  /** The engine's containers; the same object through reloads. */
  get containers(): ContainerDirectory {
    return this.#parts.engine
  }

  async start(settings: Settings): Promise<void> {
    this.#current = await createGeneration(++this.#generations, settings, this.#parts.world)
    this.#parts.world.networkWatch.onChange(() => this.#networkChanged())
    this.#parts.engine.configure(settings.engine)
    // Rules hold from the first flow on, and what is captured is captured from the first packet on.
    const { enabled, networks } = settings.capture
    if (settings.containerRules.length > 0 || (enabled && networks.length > 0)) await this.#parts.engine.answered()
    try {
      const ready = await this.#prepare(this.#current)
      ready.commit()
    } catch (thrown) {
      this.#current.retire()
      this.#parts.engine.close()
      throw thrown
    }
    await this.#parts.front?.settled()
    // Doors are open by now; one that has not started must not go on serving.
    await this.#parts.statusDoors
      .open(settings, () => this.status())
      .then(() => this.#parts.capture.prepare(settings))
      .then((capture) => capture.commit())
      .catch(async (thrown: unknown) => {
        await this.close()
        throw thrown
      })
  }

  /**
   * Puts other settings in force: all of them, in one step, or none. Flows keep the decisions they were made with. Rejects with what stood in the
   * way, the running settings then stay; with SHUTTING_DOWN where that is the gateway's end.
   */
  reload(settings: Settings): Promise<void> {
    const done = this.#reloading.then(() => this.#reload(settings))
    this.#reloading = done.catch(() => {})
    return done
  }

  async #reload(settings: Settings): Promise<void> {
    try {
      this.#assertGoesOn()
      const next = await createGeneration(this.#generations + 1, settings, this.#parts.world, 'reload')
      const previous = this.#current
      const exchanged = this.#exchange(next)
      this.#exchanging = exchanged.catch(() => {})
      await exchanged
      await this.#parts.front?.settled()
      previous.retire()
      this.#parts.metrics.reloaded(true)
      if (JSON.stringify(previous.settings.status) !== JSON.stringify(settings.status)) {
        this.#parts.log.warn('status.listen has changed; it takes effect at the next start')
      }
    } catch (thrown) {
      this.#parts.metrics.reloaded(false)
      throw thrown
    }
  }

  async #exchange(next: Generation): Promise<void> {
    const { settings } = next
    try {
      this.#assertGoesOn()
      // Capture last: from its rules to `commit` there is nothing to wait for.
      const ready = await prepareAll([() => this.#prepare(next), () => this.#parts.capture.prepare(settings)])
      if (this.#isEnding) ready.abandon()
      this.#assertGoesOn()
      this.#generations += 1
      this.#current = next
      this.#parts.front?.decideAnew()
      ready.commit()
    } catch (thrown) {
      next.retire()
      throw thrown
    }
    this.#parts.engine.configure(settings.engine)
    this.#parts.tellVain(settings)
  }

  #assertGoesOn(): void {
    if (this.#isEnding) throw new GatewayError('SHUTTING_DOWN', 'the gateway is shutting down')
  }

  #prepare({ doorPlans, settings, number }: Generation): Promise<Prepared> {
    return prepareAll([
      () => this.#parts.doors.prepare(doorPlans),
      () => this.#parts.reverse.prepare(settings, number),
      () => this.#parts.dns.prepare(settings),
    ])
  }

  /** Running flows are left alone: one that can live on does. */
  #networkChanged(): void {
    this.#parts.world.resolver.forget?.()
    this.#parts.world.pacEngines.networkChanged()
    this.#current.networkChanged()
    this.#parts.front?.decideAnew()
  }

  /** For a gateway that could not start: ends what would keep the process alive. `close` does it otherwise. */
  async abandon(): Promise<void> {
    this.#parts.world.networkWatch.close()
    await this.#parts.front?.close()
  }

  status(): GatewayStatus {
    const engine = this.#parts.engine.status()
    return {
      version: VERSION,
      pid: process.pid,
      uptimeMs: Math.round(this.#parts.clock.monotonic() - this.#startedAt),
      generation: this.#current.number,
      draining: this.#isEnding,
      doors: this.doors,
      ...(this.#parts.dns.status ? { dns: this.#parts.dns.status } : {}),
      ...(engine ? { engine } : {}),
      clientConnections: this.#parts.clientConnections,
      liveFlows: this.#parts.records.size,
      frontTunnels: this.frontTunnels,
      pac: this.#parts.world.pacEngines.status(),
      passedOver: (this.#current.dialers.walk.passedOver?.() ?? []).map(describePassedOver),
      totals: { ...this.#parts.records.totals },
      flows: this.#parts.records.live(FLOWS_SHOWN),
    }
  }

  /** Takes nothing new, gives running flows `limitMs` milliseconds, then ends what is left. Answers how many flows had to be ended. */
  async drain(limitMs: number): Promise<number> {
    this.#end()
    this.#parts.doors.drain()
    this.#parts.reverse.drain()
    this.#parts.packets.drain()
    this.#parts.capture.drain()
    this.#parts.dns.drain()
    this.#parts.statusDoors.drain()
    const stopLooking = every(SUCCESSOR_LOOK_MS, this.#parts.clock, () => void this.#leaveDnsToSuccessor())
    const deadline = this.#parts.clock.monotonic() + limitMs
    // The newest flows of the front are known a little later than they begin.
    if (this.#parts.front) await new Promise<void>((resolve) => setTimeout(resolve, FRONT_NEWS_MS))
    while (this.#parts.records.size > 0 && this.#parts.clock.monotonic() < deadline) {
      await new Promise<void>((resolve) => setTimeout(resolve, DRAIN_POLL_MS))
    }
    stopLooking()
    const cut = this.#parts.records.size
    await this.close()
    return cut
  }

  /** Once another gateway captures, it is the one that must have told the names by which it knows its connections. */
  async #leaveDnsToSuccessor(): Promise<void> {
    // Where nft does not say, nobody is there.
    if (!(await this.#parts.capture.isSucceeded().catch(() => false))) return
    if (this.#parts.dns.leaveDoors()) {
      this.#parts.log.info('dns.listen: another gateway captures here now; its addresses are left to that')
    }
  }

  /** Ends everything at once. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  /** What comes from here on is the end: a reload that is under way comes to nothing, and what it waits for is not waited for. */
  #end(): void {
    this.#isEnding = true
    this.#parts.world.pacEngines.giveUp()
  }

  async #close(): Promise<void> {
    this.#end()
    // What it has opened it closes itself, and the rules of before stand again: only then are these taken away.
    await this.#exchanging
    this.#parts.records.shutDown()
    this.#parts.world.networkWatch.close()
    this.#parts.engine.close()
    this.#parts.doors.drain()
    this.#parts.reverse.drain()
    this.#parts.doors.giveUp()
    this.#parts.reverse.giveUp()
    this.#parts.capture.giveUp()
    await this.#parts.relays.abort()
    await new Promise<void>((resolve) => setImmediate(resolve))
    this.#parts.doors.destroy()
    this.#parts.reverse.close()
    this.#parts.packets.close()
    this.#parts.dns.close()
    this.#current.retire()
    this.#parts.statusDoors.close()
    await this.#parts.capture
      .close()
      .catch((thrown: unknown) => this.#parts.log.error({ error: toGatewayError(thrown).message }, 'capture'))
    await Promise.all([this.#parts.relays.close(), this.#parts.front?.close()])
  }
}
