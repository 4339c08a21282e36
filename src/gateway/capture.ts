import type { AnsweredNames } from '../contracts/answered-names.ts'
import type { Clock } from '../contracts/clock.ts'
import type { ContainerDirectory } from '../contracts/containers.ts'
import type { DoorContext } from '../contracts/door.ts'
import { GatewayError, toGatewayError } from '../contracts/gateway-error.ts'
import type { HandlePackets } from '../contracts/packet.ts'
import type { Resolver } from '../contracts/resolver.ts'
import { CaptureDoor, type CaptureDoorOptions } from '../passthrough/capture-door.ts'
import { type CaptureListener, openCaptureListener } from '../passthrough/capture-listener.ts'
import { addHoldRule } from '../passthrough/hold/hold-rule.ts'
import { SynQueue } from '../passthrough/hold/syn-queue.ts'
import { type CapturePlan, HELD_MARK, type LocalPorts } from '../passthrough/rules/capture-plan.ts'
import { Installer } from '../passthrough/rules/installer.ts'
import { kernelFamilies } from '../passthrough/transparent-socket.ts'
import type { Settings } from '../settings/settings.ts'
import { capturedNetworks, planCapture } from './capture-plan.ts'
import { CapturedDatagrams } from './captured-datagrams.ts'
import { CapturedDns, type CapturedDnsParts } from './captured-dns.ts'
import { seldom } from './dns-settings.ts'

export interface CaptureParts {
  readonly clock: Clock
  readonly resolver: Resolver
  readonly names: AnsweredNames
  readonly directory: ContainerDirectory | undefined
  /** See `Answerer.answer`: for what containers ask of any DNS server. */
  answerDns: CapturedDnsParts['answer']
  /** Takes a container's connection to the gateway itself; undefined for every other address and port. */
  ownDoor: CaptureDoorOptions['ownDoor']
  readonly handlePackets: HandlePackets
  maxConnections(): number
  nextId: DoorContext['nextId']
  handleFlow: DoorContext['handleFlow']
  handleRequest: DoorContext['handleRequest']
  warn(message: string): void
}

/** Packets that the kernel holds for us at once; each is one attempt of `PendingHolds`. */
const QUEUE_LENGTH = 4096
/** Milliseconds between warnings that attempts are left waiting. */
const CROWDED_LOG_MS = 60_000
/** Milliseconds between looks whether the rules still stand: each starts a few short programs. */
const REPAIR_MS = 30_000

/** Transparent sockets, the queue and the rules, as the settings want them: opened, kept over reloads, taken away at the end. */
export class Capture {
  readonly #parts: CaptureParts
  readonly #families = kernelFamilies()
  readonly #installer = new Installer(this.#families)
  readonly #door: CaptureDoor
  readonly #datagrams: CapturedDatagrams
  readonly #dns: CapturedDns
  #settings: Settings | undefined
  #listeners: readonly CaptureListener[] = []
  #queue: SynQueue | undefined
  #installed: CapturePlan | undefined
  #unfollow: (() => void) | undefined
  #unwatch: (() => void) | undefined
  /** What changes the kernel happens one after the other. */
  #work: Promise<void> = Promise.resolve()

  constructor(parts: CaptureParts) {
    this.#parts = parts
    const { clock, resolver, names, nextId, handleFlow, handleRequest } = parts
    this.#datagrams = new CapturedDatagrams({ ...parts, families: this.#families, directory: () => parts.directory })
    this.#dns = new CapturedDns({ clock, families: this.#families, answer: parts.answerDns, warn: parts.warn })
    const crowded = seldom(clock, CROWDED_LOG_MS, (what, more) =>
      parts.warn(`capture: ${what}; those beyond wait and are sent again${more > 0 ? ` (${more} more of these)` : ''}`),
    )
    this.#door = new CaptureDoor({
      clock,
      resolver,
      names,
      context: { name: 'capture', scope: 'containers', nextId, handleFlow, handleRequest },
      policy: () => policyOf(this.#settings!),
      directory: () => parts.directory,
      ownDoor: parts.ownDoor,
      crowded: (address, which) =>
        crowded(
          which === 'full'
            ? 'too many connection attempts of all clients together are without an answer'
            : `${address} has too many connection attempts without an answer`,
        ),
      answer: (packet, answer) =>
        this.#queue?.answer(packet, answer && this.#settings!.capture.mark + HELD_MARK[answer]),
    })
  }

  get connections(): number {
    return this.#listeners.reduce((sum, listener) => sum + listener.connections, 0)
  }

  get names(): string[] {
    if (!this.#installed) return []
    const { interfaces, sources, hold } = this.#installed
    const from = [...interfaces, ...sources].join(', ') || 'no network yet'
    return [`capture ${from}${hold ? '' : ' (accepts first)'}`]
  }

  /** The transparent sockets themselves, which nobody may dial. */
  get endpoints(): { address: string; port: number }[] {
    const tcp = this.#listeners.map(({ family, port }) => ({ address: family === 4 ? '127.0.0.1' : '::1', port }))
    return [...tcp, ...this.#datagrams.endpoints, ...this.#dns.endpoints]
  }

  /** Puts the settings in force. Rejects with what stands in the way; what ran before goes on. */
  apply(settings: Settings): Promise<void> {
    return this.#inTurn(() => this.#apply(settings))
  }

  /** Connections that stand go on; the rules stay for their sake, and refuse new ones. */
  drain(): void {
    this.#door.drain()
    for (const listener of this.#listeners) listener.close()
  }

  /** Takes everything away. */
  close(): Promise<void> {
    return this.#inTurn(() => this.#takeDown())
  }

  async #apply(settings: Settings): Promise<void> {
    const before = this.#settings
    if (!settings.capture.enabled) {
      await this.#takeDown()
      this.#settings = settings
      return
    }
    assertPlatform()
    this.#settings = settings
    try {
      await this.#open(settings, before?.capture)
    } catch (thrown) {
      this.#settings = before
      if (this.#installed === undefined) await this.#takeDown()
      throw thrown
    }
  }

  async #open(settings: Settings, before: Settings['capture'] | undefined): Promise<void> {
    if (this.#listeners.length === 0) this.#listeners = await this.#listen()
    for (const listener of this.#listeners) listener.setMaxConnections(this.#parts.maxConnections())
    await this.#datagrams.apply(settings)
    await this.#dns.apply(settings)
    const { hold, queue } = settings.capture
    if (this.#queue && (hold === 'off' || before?.queue !== queue)) await this.#closeQueue()
    if (!this.#queue && hold !== 'off') this.#queue = this.#openQueue(settings)
    this.#installed = await this.#install(settings)
    this.#unfollow ??= this.#parts.directory?.onChange(() => this.#inBackground(() => this.#follow()))
    this.#unwatch ??= this.#watch()
  }

  /** By nft's own statement; where the kernel has none, by the older rule; where it has neither, without holding. */
  async #install(settings: Settings): Promise<CapturePlan> {
    const plan = (hold: CapturePlan['hold']) =>
      planCapture(settings, {
        directory: this.#parts.directory,
        tcp: this.#ports(),
        udp: this.#datagrams.plan(settings),
        special: this.#dns.special,
        hold,
      })
    const { queue, hold } = settings.capture
    if (!this.#queue) return this.#put(plan(undefined))
    try {
      return await this.#put(plan({ queue, by: 'nft' }))
    } catch (thrown) {
      if (!/queue num/.test(toGatewayError(thrown).said ?? '')) throw thrown
    }
    const apart = await this.#put(plan({ queue, by: 'apart' }))
    try {
      addHoldRule(queue)
      return apart
    } catch (thrown) {
      if (hold === 'required') throw thrown
      await this.#closeQueue()
      this.#parts.warn(`${toGatewayError(thrown).message}; captured connections are accepted before the way out stands`)
      return this.#put(plan(undefined))
    }
  }

  async #put(plan: CapturePlan): Promise<CapturePlan> {
    await this.#installer.install(plan)
    return plan
  }

  /** Networks have come or gone. */
  async #follow(): Promise<void> {
    if (!this.#installed || !this.#settings) return
    const networks = capturedNetworks(this.#settings, this.#parts.directory)
    const { interfaces, sources, own } = this.#installed
    if (JSON.stringify(networks) === JSON.stringify({ interfaces, sources, own })) return
    await this.#installer.update(networks)
    this.#installed = { ...this.#installed, ...networks }
  }

  #listen(): Promise<CaptureListener[]> {
    const trouble = ({ message }: GatewayError) => this.#parts.warn(`capture: ${message}`)
    return Promise.all(
      this.#families.map((family) => openCaptureListener(family, (socket) => this.#door.connected(socket), trouble)),
    )
  }

  #openQueue({ capture }: Settings): SynQueue | undefined {
    try {
      return new SynQueue({
        queue: capture.queue,
        length: QUEUE_LENGTH,
        acceptMark: capture.mark,
        onSyn: (syn) => this.#door.held(syn),
        onLost: (reason) => this.#inBackground(() => this.#withoutQueue(reason)),
      })
    } catch (thrown) {
      if (capture.hold === 'required') throw thrown
      this.#parts.warn(`${toGatewayError(thrown).message}; captured connections are accepted before the way out stands`)
      return undefined
    }
  }

  /** The thread has died: what nobody answers must not be held. */
  async #withoutQueue(reason: string): Promise<void> {
    this.#parts.warn(`capture: connection attempts can no longer be held (${reason}); they are accepted first`)
    await this.#closeQueue()
    if (this.#installed && this.#settings) this.#installed = await this.#install(this.#settings)
  }

  /** Whoever loads another firewall may flush every table, ours among them. */
  async #repair(): Promise<void> {
    if (!this.#installed || !this.#settings) return
    if (await this.#installer.stands(this.#installed)) return
    this.#parts.warn('capture: somebody has removed the rules; they are put back')
    this.#installed = await this.#install(this.#settings)
  }

  #watch(): () => void {
    let cancel = () => {}
    const wait = () => {
      cancel = this.#parts.clock.after(REPAIR_MS, () => {
        this.#inBackground(() => this.#repair())
        wait()
      })
    }
    wait()
    return () => cancel()
  }

  #ports(): LocalPorts {
    return Object.fromEntries(this.#listeners.map(({ family, port }) => [family, port]))
  }

  async #closeQueue(): Promise<void> {
    await this.#queue?.close()
    this.#queue = undefined
  }

  async #takeDown(): Promise<void> {
    this.#unfollow?.()
    this.#unfollow = undefined
    this.#unwatch?.()
    this.#unwatch = undefined
    for (const listener of this.#listeners) {
      listener.close()
      listener.destroyConnections()
    }
    this.#listeners = []
    await this.#datagrams.close()
    await this.#dns.close()
    const stood = this.#installed !== undefined
    this.#installed = undefined
    await this.#closeQueue()
    if (stood) await this.#installer.remove()
    // Half of an installation that failed, or what a killed run has left.
    else if (this.#settings?.capture.enabled) await this.#installer.remove().catch(() => {})
  }

  /** What nobody waits for; a failure is worth a warning, and what stood stands. */
  #inBackground(task: () => Promise<void>): void {
    this.#inTurn(task).catch((thrown: unknown) => this.#parts.warn(toGatewayError(thrown).message))
  }

  #inTurn(task: () => Promise<void>): Promise<void> {
    const done = this.#work.then(task)
    this.#work = done.catch(() => {})
    return done
  }
}

function policyOf(settings: Settings) {
  const { capture, containersProxy, containerRules, access } = settings
  const inLists = [access.allow, access.deny].some(({ rules }) => rules.some(({ pattern }) => pattern.kind !== 'block'))
  return {
    trust: capture.trust,
    peekMs: capture.peek,
    // With everything direct and no list of names, a name would change nothing, and need not be waited for.
    namesMatter: containersProxy.mode !== 'none' || containerRules.length > 0 || inLists || capture.trust === 'reject',
  }
}

function assertPlatform(): void {
  if (process.platform === 'linux') return
  throw new GatewayError('INTERNAL', `capture works on Linux only, and this is ${process.platform}`, {
    hint: 'Set capture.enabled: false, or run the gateway in the containers’ virtual machine.',
  })
}
