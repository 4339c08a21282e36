import type { Clock } from '../contracts/clock.ts'
import type { Container, ContainerDirectory, ContainerView } from '../contracts/containers.ts'
import type { EngineAddress } from '../wire/engine-address.ts'
import { Follower } from './follow-engine.ts'
import { LostAddresses } from './lost-addresses.ts'

export interface EngineDirectoryOptions {
  readonly address: EngineAddress
  readonly clock: Clock
  /** Something has happened that the view will show a moment later; who has lost an address by it, has it no longer. */
  onEvent?(): void
  /** For the log: the engine came (with its version) or went (with a reason). */
  onState(state: EngineState): void
  /** For the log, once: it does not say whether containers outlive it, for this reason. They count as ending with it. */
  onUntold?(reason: string): void
}

export type EngineState =
  | { readonly connected: true; readonly engine: string; readonly containers: number; readonly networks: number }
  /** `hasEnded`: and its containers with it. What the view shows is what there was. `isMissing`: it had no socket when it was found to be away. */
  | { readonly connected: false; readonly reason: string; readonly hasEnded: boolean; readonly isMissing: boolean }

/** A directory that can be told to look again, for the moment between a container's start and the engine's word of it. */
export interface EngineDirectory extends ContainerDirectory {
  /** The engine's version while connected, or why it is not. */
  readonly state: EngineState
  /** Whether the view shows all that has happened in the engine. */
  readonly isCurrent: boolean
  /** All whose address it is: more than one where containers share one network, as those of Podman's pods do. */
  allAt(address: string): readonly Container[]
  /** Resolves when everything that happened before the call has been read, or cannot be. At most a few readings a second are made. */
  refresh(): Promise<void>
}

const NOTHING: ContainerView = { networks: [], containers: [], stopped: [] }

/** Follows the engine at an address. That no engine is there is no error: the directory is empty until one comes. */
export function createEngineDirectory(options: EngineDirectoryOptions): EngineDirectory {
  const { address, clock, onEvent, onState } = options
  const listeners = new Set<() => void>()
  let view = NOTHING
  let viewText = JSON.stringify(view)
  let index = indexByAddress(view)
  const lost = new LostAddresses()
  let state: EngineState = { connected: false, reason: 'not yet connected', hasEnded: false, isMissing: false }
  let isClosed = false

  const show = (next: ContainerView, isOther = false): boolean => {
    const nextText = JSON.stringify(next)
    if (nextText === viewText && !isOther) return false
    view = next
    viewText = nextText
    index = indexByAddress(next)
    return true
  }
  const tell = () => {
    for (const listener of [...listeners]) listener()
  }
  const follower = new Follower({
    address,
    clock,
    onView(next, engine) {
      const came = !state.connected
      state = { connected: true, engine, containers: next.containers.length, networks: next.networks.length }
      const changed = show(next, lost.read())
      if (came) onState(state)
      if (changed) tell()
    },
    onNetworks(networks) {
      if (!state.connected) return
      const ids = new Set(view.networks.map(({ id }) => id))
      // New ones only: what is captured must not wait for what the rest of a reading takes.
      const added = networks.filter(({ id }) => !ids.has(id)).map((network) => ({ ...network, unread: true }) as const)
      if (added.length > 0 && show({ ...view, networks: [...view.networks, ...added] })) tell()
    },
    onEvents(events) {
      for (const event of events) lost.heard(event, view)
      onEvent?.()
    },
    onReading: () => lost.reading(),
    onAway(reason, isMissing) {
      state = { connected: false, reason, hasEnded: false, isMissing }
      onState(state)
    },
    onEnded() {
      if (state.connected) return
      state = { ...state, hasEnded: true }
      onState(state)
    },
    onUntold: (reason) => options.onUntold?.(reason),
  })

  return {
    get connected() {
      return state.connected
    },
    get state() {
      return state
    },
    get isCurrent() {
      return follower.isCurrent
    },
    view: () => view,
    byAddress(wanted) {
      const [container, another] = index.get(wanted) ?? []
      return container && !another && !lost.has(container, wanted) ? container : undefined
    },
    allAt: (wanted) => (index.get(wanted) ?? []).filter((container) => !lost.has(container, wanted)),
    onChange(listener) {
      if (isClosed) return () => {}
      // Two subscriptions of one function are two.
      const own = () => listener()
      listeners.add(own)
      return () => void listeners.delete(own)
    },
    refresh: () => follower.refresh(),
    close() {
      isClosed = true
      listeners.clear()
      follower.close()
    },
  }
}

/**
 * Networks that are not the engine's own (macvlan, overlay) can overlap; an address that two containers have identifies neither, but for the one who has
 * it behind a bridge: only from there does anybody come with it.
 */
function indexByAddress({ containers, networks }: ContainerView): ReadonlyMap<string, readonly Container[]> {
  const bridged = new Set(networks.flatMap((network) => (network.bridged ? [network.id] : [])))
  const index = new Map<string, Container[]>()
  for (const isBridged of [true, false]) {
    const before = new Set(index.keys())
    for (const container of containers) {
      const endpoints = container.endpoints.filter(({ networkId }) => bridged.has(networkId) === isBridged)
      const outward = isBridged ? (container.outward ?? []) : []
      for (const address of new Set([...endpoints.flatMap((endpoint) => endpoint.addresses), ...outward])) {
        if (before.has(address)) continue
        const all = index.get(address)
        if (all) all.push(container)
        else index.set(address, [container])
      }
    }
  }
  return index
}
