import type { ContainerDirectory } from '../contracts/containers.ts'
import type { Settings } from '../settings/settings.ts'

/** What `capture.networks` calls the engine's own networks together. */
const ENGINE = 'engine'

type Wanted = Pick<Settings, 'capture'>
type Directory = Pick<ContainerDirectory, 'connected' | 'view'>

/** Networks that are to be captured by name and that the engine does not have. Of an engine that is away nothing is known. */
export function missingNetworks({ capture }: Wanted, directory: Directory | undefined): readonly string[] {
  if (!directory?.connected) return []
  const there = new Set([ENGINE, ...directory.view().networks.map(({ name }) => name)])
  return capture.networks.filter((name) => !there.has(name))
}

/**
 * Says of each network that is to be captured and that the engine does not have, once until it is there: it may be made later, or be mistyped, and then
 * what was meant goes out uncaptured.
 */
export function tellMissingNetworks(warn: (message: string) => void) {
  const told = new Set<string>()
  return (settings: Wanted, directory: Directory) => {
    if (!settings.capture.enabled || !directory.connected) return
    const missing = missingNetworks(settings, directory)
    for (const name of told) if (!missing.includes(name)) told.delete(name)
    for (const name of missing) {
      if (told.has(name)) continue
      told.add(name)
      warn(
        `capture.networks: the Docker engine has no network ${name} (\`docker network ls\` lists them); what its containers send is captured once there is one`,
      )
    }
  }
}
