import type { Clock } from '../contracts/clock.ts'
import type { Container, ContainerDirectory, ContainerView } from '../contracts/containers.ts'
import type { RouteQuery } from '../contracts/route.ts'
import { createEngineDirectory, type EngineDirectory, type EngineState } from '../engine/create-engine-directory.ts'
import type { Log } from '../observe/log.ts'
import type { EngineSettings } from '../settings/settings.ts'
import { formatEngineAddress } from '../wire/engine-address.ts'
import { identified } from './identified.ts'
import { type KnownContainers, NOTHING_KNOWN, nobodyIn } from './known-containers.ts'
import { tellUnreadLabels } from './tell-unread-labels.ts'

/** What `fairlead status` says of the engine. */
export interface EngineStatus {
  readonly address: string
  readonly connected: boolean
  /** The engine's version; absent while it is away. */
  readonly version?: string
  /** Why it is away. */
  readonly reason?: string
  readonly containers: number
  readonly networks: number
}

const AWAY =
  'the Docker engine is away; it is followed when it comes. Until then containers are known as they were, and a client of its networks that is not among them is refused where a rule of containerRules may mean it'
/** It has no `live-restore`, or does not say. */
const ENDED =
  'the Docker engine has ended as far as can be told, and its containers with it; it is followed when it comes. Until then whoever has an address of its networks is refused where a rule of containerRules may mean it'
const UNTOLD =
  'the Docker engine is kept from saying (/info) whether its containers outlive it: they count as ending with it whenever it, or a proxy before it, ends'

/**
 * Milliseconds for which the containers of the engine before are known as they were, after a reload that names another one: as long as a reading of a
 * busy engine may take. Nobody tells any more who has their addresses. Its networks stay known until the other one answers, so that a name that is
 * mistyped opens nothing.
 */
const FORMER_MS = 60_000
const FORGOTTEN = `the Docker engine has not answered for ${FORMER_MS / 1000} s: the containers of the one before count as known no more, and until it answers a client of their networks is refused where a rule of containerRules may mean it`
/** Milliseconds that a start waits for an engine that neither answers nor refuses: a busy one takes a second to list a thousand containers. */
const FIRST_WORD_MS = 2_000

/** The gateway's directory of containers: one object for its whole life, whichever engine the settings name. */
export class Engine implements ContainerDirectory {
  readonly #clock: Clock
  readonly #log: Log
  readonly #listeners = new Set<() => void>()
  readonly #eventListeners: (() => void)[] = []
  readonly #tellUnread: (view: ContainerView) => void
  /** Of the engine that is followed, once it has answered; before that of the one before it. */
  #known = NOTHING_KNOWN
  #cancelForget: (() => void) | undefined
  #address: string | undefined
  #directory: EngineDirectory | undefined
  /** Who waits for the first word of the engine that is followed; absent: it has come, or none is followed. */
  #awaiting: (() => void)[] | undefined

  constructor(clock: Clock, log: Log) {
    this.#clock = clock
    this.#log = log
    this.#tellUnread = tellUnreadLabels((container) =>
      log.warn({ container }, 'more text in labels than is read; where a rule asks for one, it may refuse'),
    )
  }

  /**
   * Follows what the settings want; an engine that stays the same is not disturbed. What was known holds until another one has answered, for a while.
   */
  configure(settings: EngineSettings | undefined): void {
    const wanted = settings && formatEngineAddress(settings.address)
    if (wanted === this.#address) return
    this.#directory?.close()
    this.#address = wanted
    this.#directory = settings && this.#follow(settings, wanted!)
    this.#awaiting = settings && []
    if (!settings) this.#know(NOTHING_KNOWN)
    else if (this.#known !== NOTHING_KNOWN) {
      this.#cancelForget ??= this.#clock.after(FORMER_MS, () => this.#forget())
    }
    this.#changed()
  }

  /** Resolves when the engine has been read or is known to be away, or has kept everybody waiting for too long. */
  answered(): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#awaiting) return resolve()
      const cancel = this.#clock.after(FIRST_WORD_MS, resolve)
      this.#awaiting.push(() => {
        cancel()
        resolve()
      })
    })
  }

  /** Whether nothing is known yet: one is followed, and neither it nor one before it has said anything. */
  get isAwaited(): boolean {
    return this.#directory !== undefined && this.#known === NOTHING_KNOWN
  }

  /** Whether the one that is followed is away, and had no socket when that was found out. */
  get isMissing(): boolean {
    const state = this.#directory?.state
    return state?.connected === false && state.isMissing
  }

  get connected(): boolean {
    return this.#directory?.connected ?? false
  }

  /** Whether the view shows all that has happened in the engine. */
  get isCurrent(): boolean {
    return this.#directory?.isCurrent ?? false
  }

  view(): ContainerView {
    return this.#known.view()
  }

  byAddress(address: string): Container | undefined {
    return this.#known.byAddress(address)
  }

  /** As of `EngineDirectory`. */
  allAt(address: string): readonly Container[] {
    return this.#known.allAt(address)
  }

  onChange(listener: () => void): () => void {
    const own = () => listener()
    this.#listeners.add(own)
    return () => void this.#listeners.delete(own)
  }

  /** Calls at each event of the engine, which the view shows a moment later. For as long as this lives. */
  onEvent(listener: () => void): void {
    this.#eventListeners.push(listener)
  }

  /** Resolves when what happened in the engine before the call is in the view, or the engine is away. */
  async refresh(): Promise<void> {
    await this.#directory?.refresh()
  }

  close(): void {
    this.#cancelForget?.()
    this.#directory?.close()
    this.#listeners.clear()
  }

  /** Undefined: none is followed. */
  status(): EngineStatus | undefined {
    if (!this.#directory || this.#address === undefined) return undefined
    const { state } = this.#directory
    const { containers, networks } = this.view()
    return {
      address: this.#address,
      connected: state.connected,
      ...(state.connected ? { version: state.engine } : { reason: state.reason }),
      containers: containers.length,
      networks: networks.length,
    }
  }

  /** The same flow with the container that its client is, where the engine knows the client's address. */
  identified<F extends RouteQuery>(flow: F): F {
    return identified(flow, this)
  }

  #follow({ address, auto }: EngineSettings, shown: string): EngineDirectory {
    let seen = false
    const directory = createEngineDirectory({
      address,
      clock: this.#clock,
      onEvent: () => {
        for (const listener of this.#eventListeners) listener()
      },
      onState: (state) => {
        const isNews = state.connected && this.#known !== directory
        if (isNews) this.#know(directory)
        // It gives their addresses to others as it starts, before it can be asked.
        else if (!state.connected && state.hasEnded && this.#known === directory) this.#know(nobodyIn(directory.view()))
        this.#tell(state, shown, seen || !auto)
        // What was decided for clients that nobody knows may be decided differently now.
        if (seen || isNews) this.#changed()
        seen ||= state.connected
        for (const heard of this.#awaiting ?? []) heard()
        this.#awaiting = undefined
      },
      onUntold: (reason) => this.#log.info({ engine: shown, reason }, UNTOLD),
    })
    directory.onChange(() => {
      this.#tellUnread(this.view())
      this.#changed()
    })
    return directory
  }

  #know(known: KnownContainers): void {
    this.#cancelForget?.()
    this.#cancelForget = undefined
    this.#known = known
  }

  #forget(): void {
    this.#known = nobodyIn(this.view())
    this.#log.warn({ engine: this.#address }, FORGOTTEN)
    this.#changed()
  }

  /** An engine that nobody asked for and that is not there is worth a word, not a warning. */
  #tell(state: EngineState, engine: string, expected: boolean): void {
    if (state.connected) {
      const { engine: version, containers, networks } = state
      this.#log.info({ engine, version, containers, networks }, 'following the Docker engine')
    } else {
      const words = state.hasEnded ? ENDED : AWAY
      if (expected) this.#log.warn({ engine, reason: state.reason }, words)
      else this.#log.debug({ engine, reason: state.reason }, words)
    }
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener()
  }
}
