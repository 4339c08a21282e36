import type { ContainerDirectory } from '../contracts/containers.ts'
import type { Settings } from '../settings/settings.ts'

/** What `capture.networks` calls the engine's own networks together. */
const ENGINE = 'engine'

/**
 * Says of each network that is to be captured and that the engine does not have, once until it is there: it may be made later, or be mistyped, and then
 * what was meant goes out uncaptured.
 */
export function tellMissingNetworks(warn: (message: string) => void) {
  const told = new Set<string>()
  return ({ capture }: Pick<Settings, 'capture'>, directory: Pick<ContainerDirectory, 'connected' | 'view'>) => {
    if (!capture.enabled || !directory.connected) return
    const there = new Set(directory.view().networks.map(({ name }) => name))
    for (const name of capture.networks) {
      if (name === ENGINE || there.has(name)) told.delete(name)
      else if (!told.has(name)) {
        told.add(name)
        warn(
          `capture.networks: the Docker engine has no network ${name} (\`docker network ls\` lists them); what its containers send is captured once there is one`,
        )
      }
    }
  }
}
