import { assertLinux } from '../passthrough/assert-linux.ts'
import { CaptureDoor, type CapturePolicy } from '../passthrough/capture-door.ts'
import { openCaptureListeners } from '../passthrough/capture-listener.ts'
import { addHoldRule } from '../passthrough/hold/hold-rule.ts'
import type { SynQueue } from '../passthrough/hold/syn-queue.ts'
import { forgetTranslations } from '../passthrough/rules/earlier-translations.ts'
import { assertNoOtherGateway } from '../passthrough/rules/in-use.ts'
import { Installer } from '../passthrough/rules/installer.ts'
import { leftBehind } from '../passthrough/rules/left-behind.ts'
import { kernelFamilies } from '../passthrough/transparent-socket.ts'
import type { Settings } from '../settings/settings.ts'
import { CaptureFront } from './capture-front.ts'
import { captureName } from './capture-name.ts'
import type { CaptureParts } from './capture-parts.ts'
import { planCapture } from './capture-plan.ts'
import { policyOf } from './capture-policy.ts'
import { captureRoom } from './capture-room.ts'
import { CaptureRules, type WantedRules } from './capture-rules.ts'
import { CaptureSockets, type Open } from './capture-sockets.ts'
import { CapturedDatagrams } from './captured-datagrams.ts'
import { CapturedDns } from './captured-dns.ts'
import { CapturedNetworks } from './captured-networks.ts'
import { clearLeftBehind } from './clear-left-behind.ts'
import { tellCrowded, tellTrouble } from './crowded.ts'
import { every } from './every.ts'
import { HoldQueues } from './hold-queues.ts'
import { hostAddresses } from './host-addresses.ts'
import { InTurn } from './in-turn.ts'
import { missingNetworks } from './missing-networks.ts'
import type { Prepared } from './prepare-all.ts'

/** Milliseconds between looks whether the rules still stand: each starts a few short programs. */
const REPAIR_MS = 30_000
/** Milliseconds between looks whether the last connection of a capture that was switched off has ended. */
const LEAVE_POLL_MS = 1_000

/** Transparent sockets, the queue and the rules, as the settings want them: opened, kept over reloads, taken away at the end. */
export class Capture {
  readonly #parts: CaptureParts
  readonly #families = kernelFamilies()
  readonly #rules: CaptureRules
  readonly #sockets = new CaptureSockets()
  readonly #networks: CapturedNetworks
  readonly #door: CaptureDoor
  readonly #front: CaptureFront
  readonly #queues: HoldQueues
  readonly #datagrams: CapturedDatagrams
  readonly #dns: CapturedDns
  #settings: Settings | undefined
  /** Made of the settings. */
  #policy: CapturePolicy | undefined
  #unfollow: (() => void) | undefined
  #unwatch: (() => void) | undefined
  /** What changes the kernel. */
  readonly #turns: InTurn

  constructor(parts: CaptureParts) {
    this.#parts = parts
    this.#turns = new InTurn(parts.warn)
    const { clock, resolver, names, nextId, handleFlow, handleRequest, warn, answerDns } = parts
    const installer = new Installer(this.#families)
    this.#rules = new CaptureRules({ installer, addHoldRule, forgetTranslations, warn })
    this.#networks = new CapturedNetworks(parts)
    this.#datagrams = new CapturedDatagrams({ ...parts, families: this.#families })
    this.#dns = new CapturedDns({ ...parts, families: this.#families, answer: answerDns })
    const context = { name: 'capture', scope: 'containers', nextId, handleFlow, handleRequest } as const
    this.#door = new CaptureDoor({
      clock,
      resolver,
      names,
      context,
      policy: () => this.#policy!,
      directory: () => parts.directory,
      ownDoor: parts.ownDoor,
      ownerOf: parts.ownerOf,
      room: captureRoom({ ...parts, connections: () => this.connections }),
      crowded: tellCrowded(clock, warn),
    })
    this.#front = new CaptureFront({ ...parts, context, door: this.#door })
    this.#queues = new HoldQueues({
      ...parts,
      turns: this.#turns,
      settings: () => this.#settings?.capture,
      held: (syn, answer) => this.#door.held(syn, answer),
      queue: () => this.#sockets.open.queue,
      exchange: (queue) => this.#exchangeQueue(queue),
    })
  }

  get connections(): number {
    return this.#sockets.connections
  }

  get names(): string[] {
    const { installed } = this.#rules
    if (!installed) return []
    const isOn = this.#settings?.capture.enabled === true
    const absent = this.#networks.absent(installed.interfaces)
    const missing = this.#settings ? missingNetworks(this.#settings, this.#parts.directory) : []
    const { isMute } = this.#datagrams
    return [captureName(installed, { isOn, connections: this.connections, isMute, absent, missing })]
  }

  /** The transparent sockets themselves, which nobody may dial. */
  get endpoints(): { address: string; port: number }[] {
    return [...this.#sockets.endpoints, ...this.#datagrams.endpoints, ...this.#dns.endpoints]
  }

  /**
   * Opens what is missing and puts the rules in force: all that can fail, and the last step before `commit`. Rejects with what stands in the way, with
   * everything as it was.
   */
  prepare(settings: Settings): Promise<Prepared> {
    return this.#turns.run(() => this.#prepare(settings))
  }

  /** Connections that stand go on; the rules stay for their sake, and refuse new ones. */
  drain(): void {
    this.#door.drain()
    this.#front.drain()
    this.#sockets.drain()
  }

  /** Whether another gateway captures here since. */
  isSucceeded(): Promise<boolean> {
    return this.#turns.run(() => this.#rules.areAnothers())
  }

  /** As of `Doors`. */
  giveUp(): void {
    this.#door.giveUp()
  }

  /** Takes everything away. */
  close(): Promise<void> {
    return this.#turns.run(() => this.#takeDown())
  }

  async #prepare(settings: Settings): Promise<Prepared> {
    if (!settings.capture.enabled) {
      const isStart = this.#settings === undefined
      const commit = () => {
        this.#use(settings)
        this.#queues.stop()
        this.#front.stop()
        this.#turns.inBackground(() => this.#leave())
        if (isStart && process.platform === 'linux') this.#turns.inBackground(() => this.#clearLeftBehind())
      }
      return { commit, abandon: () => {} }
    }
    assertLinux()
    // Another one may also have started while all that was left here were connections of a capture that had been switched off.
    if (this.#sockets.open.listeners.length === 0) await assertNoOtherGateway()
    if (!this.#rules.installed) {
      this.#networks.takeOver(await this.#rules.members())
      // Containers speak before all is in force: by these rules once they stand, and by those of a gateway that was killed as soon as somebody reads the queue.
      this.#policy = policyOf(settings)
    }
    const before = { settings: this.#settings, open: this.#sockets.open, rules: this.#rules.installed }
    let open: Open = before.open
    const undo = async () => {
      this.#queues.use(before.open)
      await this.#sockets.closeAllBut(before.open, open)
      await this.#settle(before.settings)
    }
    try {
      if (open.listeners.length === 0) {
        const trouble = tellTrouble(this.#parts.clock, this.#parts.warn)
        const listeners = await openCaptureListeners(this.#families, (socket) => this.#door.connected(socket), trouble)
        open = { ...open, listeners }
      }
      await this.#datagrams.open(settings)
      await this.#dns.open(settings)
      open = { ...open, ...this.#queues.for(settings, before.open.queue) }
      await this.#rules.install(this.#wanted(settings, open))
    } catch (thrown) {
      await undo()
      throw thrown
    }
    return {
      commit: () => this.#commit(settings, open),
      abandon: () => this.#turns.inBackground(() => this.#rules.restore(before.rules).finally(undo)),
    }
  }

  #commit(settings: Settings, open: Open): void {
    const before = this.#sockets.open
    this.#use(settings)
    this.#serve(settings, open)
    this.#queues.use(open)
    this.#networks.tell(settings)
    this.#networks.tellAbsent(settings)
    this.#unfollow ??= this.#parts.directory?.onChange(() => this.#turns.inBackground(() => this.#follow()))
    this.#unwatch ??= every(REPAIR_MS, this.#parts.clock, () => this.#turns.inBackground(() => this.#repair()))
    this.#turns.inBackground(async () => {
      await this.#closeUnused(before, open)
      await this.#settle(settings)
      await this.#follow()
    })
  }

  #use(settings: Settings): void {
    this.#settings = settings
    this.#policy = policyOf(settings)
  }

  #wanted(settings: Settings, { listeners, queue }: Open): WantedRules {
    const { capture } = settings
    return {
      plan: (hold) =>
        planCapture(settings, {
          networks: this.#networks.of(settings),
          tcp: Object.fromEntries(listeners.map(({ family, port }) => [family, port])),
          udp: this.#datagrams.plan(settings),
          special: this.#dns.special(settings),
          hold,
        }),
      ...(queue ? { hold: { queue: capture.queue, required: capture.hold === 'required' } } : {}),
    }
  }

  /** Networks have come or gone. */
  async #follow(): Promise<void> {
    if (this.#settings?.capture.enabled) await this.#rules.update(this.#networks.of(this.#settings))
  }

  /** Together with the rules that lead there. */
  async #exchangeQueue(queue: SynQueue | undefined): Promise<boolean> {
    const [settings, before] = [this.#settings!, this.#sockets.open]
    if (await this.#rules.areAnothers()) {
      await queue?.close()
      return false
    }
    const open = { ...before, queue, awaited: undefined }
    await this.#rules.install(this.#wanted(settings, open))
    this.#serve(settings, open)
    await this.#closeUnused(before, open)
    return this.#sockets.open.queue !== undefined
  }

  /** By the rules that are in force. */
  #serve(settings: Settings, open: Open): void {
    this.#sockets.use(open, this.#rules.installed?.hold !== undefined)
    this.#front.serve(this.#sockets.open, settings)
  }

  async #closeUnused(...opened: readonly Open[]): Promise<void> {
    for (const open of opened) await this.#sockets.closeAllBut(this.#sockets.open, open)
  }

  async #repair(): Promise<void> {
    const [settings, { installed }] = [this.#settings, this.#rules]
    if (settings?.capture.enabled) this.#networks.tellAbsent(settings)
    const networks = settings?.capture.enabled ? this.#networks.of(settings) : installed
    if (networks && (await this.#rules.repair(networks))) {
      this.#parts.warn('capture: somebody has removed the rules, or changed them; they are put back')
    }
  }

  #clearLeftBehind(): Promise<void> {
    return clearLeftBehind({
      ...this.#parts,
      find: () => leftBehind({ families: this.#families, ownAddresses: hostAddresses }),
      remove: (handle) => new Installer(this.#families).removeDead(handle),
    })
  }

  async #settle(settings: Settings | undefined): Promise<void> {
    await this.#datagrams.settle(settings)
    await this.#dns.settle(settings)
  }

  /** Switched off while everything else goes on: connections that stand keep theirs, and the rules that bring their packets. */
  async #leave(): Promise<void> {
    if (this.connections === 0) return this.#takeDown()
    await this.#rules.keepStanding()
    await this.#sockets.leave()
    await this.#settle(undefined)
    const cancel = every(LEAVE_POLL_MS, this.#parts.clock, () => {
      const isOff = !this.#settings?.capture.enabled
      if (this.connections > 0 && isOff) return
      cancel()
      if (isOff) this.#turns.inBackground(() => this.#leave())
    })
  }

  async #takeDown(): Promise<void> {
    this.#unfollow?.()
    this.#unfollow = undefined
    this.#unwatch?.()
    this.#unwatch = undefined
    const closeQueue = this.#sockets.end()
    this.#queues.stop()
    this.#front.stop()
    await this.#settle(undefined)
    await closeQueue()
    if (this.#rules.installed) await this.#rules.remove()
  }
}
