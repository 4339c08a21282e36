import type { ContainerView } from '../contracts/containers.ts'
import type { EngineDirectory } from '../engine/create-engine-directory.ts'

/** What is known of containers and networks: an engine's word, or what is left of it. */
export type KnownContainers = Pick<EngineDirectory, 'view' | 'byAddress' | 'allAt'>

/** No engine is followed, or none has been seen. */
export const NOTHING_KNOWN: KnownContainers = nobodyIn({ networks: [] })

/** Networks whose addresses are containers', and nobody can tell whose: rules that may mean a client there open nothing. */
export function nobodyIn({ networks }: Pick<ContainerView, 'networks'>): KnownContainers {
  const view: ContainerView = { networks, containers: [] }
  return { view: () => view, byAddress: () => undefined, allAt: () => [] }
}
