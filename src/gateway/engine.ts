import type { Clock } from '../contracts/clock.ts'
import type { Container, ContainerDirectory, ContainerView } from '../contracts/containers.ts'
import type { RouteQuery } from '../contracts/route.ts'
import { createEngineDirectory, type EngineDirectory, type EngineState } from '../engine/create-engine-directory.ts'
import type { Log } from '../observe/log.ts'
import type { EngineSettings } from '../settings/settings.ts'
import { formatEngineAddress } from '../wire/engine-address.ts'
import { identified } from './identified.ts'

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

const UNTIL_THEN =
  'containers are known as they were, and a client of its networks that is not among them is refused where a rule of containerRules may mean it'

const NOTHING: ContainerView = { networks: [], containers: [] }

/** The gateway's directory of containers: one object for its whole life, whichever engine the settings name. */
export class Engine implements ContainerDirectory {
  readonly #clock: Clock
  readonly #log: Log
  readonly #listeners = new Set<() => void>()
  readonly #eventListeners: (() => void)[] = []
  /** Ids of containers of which it is told that not all of their labels are read. */
  #toldUnread: ReadonlySet<string> = new Set()
  #address: string | undefined
  #directory: EngineDirectory | undefined

  constructor(clock: Clock, log: Log) {
    this.#clock = clock
    this.#log = log
  }

  /** Follows what the settings want; an engine that stays the same is not disturbed. */
  configure(settings: EngineSettings | undefined): void {
    const wanted = settings && formatEngineAddress(settings.address)
    if (wanted === this.#address) return
    this.#directory?.close()
    this.#address = wanted
    this.#directory = settings && this.#follow(settings, wanted!)
    this.#changed()
  }

  get connected(): boolean {
    return this.#directory?.connected ?? false
  }

  /** Whether the view shows all that has happened in the engine. */
  get isCurrent(): boolean {
    return this.#directory?.isCurrent ?? false
  }

  view(): ContainerView {
    return this.#directory?.view() ?? NOTHING
  }

  byAddress(address: string): Container | undefined {
    return this.#directory?.byAddress(address)
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
        this.#tell(state, shown, seen || !auto)
        // What was decided for clients that nobody knows may be decided differently now.
        if (seen) this.#changed()
        seen ||= state.connected
      },
    })
    directory.onChange(() => {
      this.#tellUnread()
      this.#changed()
    })
    return directory
  }

  /** An engine that nobody asked for and that is not there is worth a word, not a warning. */
  #tell(state: EngineState, engine: string, expected: boolean): void {
    if (state.connected) {
      const { engine: version, containers, networks } = state
      this.#log.info({ engine, version, containers, networks }, 'following the Docker engine')
    } else {
      const words = `the Docker engine is away; it is followed when it comes. Until then ${UNTIL_THEN}`
      if (expected) this.#log.warn({ engine, reason: state.reason }, words)
      else this.#log.debug({ engine, reason: state.reason }, words)
    }
  }

  /** Once for each container: rules that ask for its labels may refuse it. */
  #tellUnread(): void {
    const unread = this.view().containers.filter(({ unreadLabels }) => unreadLabels === 'any')
    for (const { id, name } of unread)
      if (!this.#toldUnread.has(id))
        this.#log.warn(
          { container: name },
          'more text in labels than is read; where a rule asks for one, it may refuse',
        )
    this.#toldUnread = new Set(unread.map(({ id }) => id))
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener()
  }
}
