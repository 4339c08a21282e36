import type { Container, ContainerDirectory } from '../contracts/containers.ts'
import { compileContainerMatch, describeContainerMatch } from '../router/container-rules.ts'
import type { Settings } from '../settings/settings.ts'

/**
 * Says of each rule that names running containers, and only such as have no address of their own, that it holds for nobody: those that have another's
 * network go by that one's rules, and those in the host's go uncaptured. Once, until that is otherwise.
 */
export function tellRulesForNobody(warn: (message: string) => void) {
  let told: ReadonlySet<string> = new Set()
  return (
    { containerRules }: Pick<Settings, 'containerRules'>,
    directory: Pick<ContainerDirectory, 'connected' | 'view'>,
  ) => {
    if (containerRules.length === 0 || !directory.connected) return
    const { containers } = directory.view()
    const without = containers.filter((container) => !hasAddress(container))
    if (without.length === 0 && told.size === 0) return
    const now = new Set<string>()
    for (const [index, { match }] of containerRules.entries()) {
      const matches = compileContainerMatch(match)
      const isMeant = (container: Container) => matches({ client: { local: false, container }, scope: 'containers' })
      const named = without.find(isMeant)
      if (!named || containers.some((container) => hasAddress(container) && isMeant(container))) continue
      const rule = `containerRules[${index}] (${describeContainerMatch(match)})`
      now.add(rule)
      if (told.has(rule)) continue
      const whose = containers.find(({ id }) => id === named.networkOf)?.name
      const why = whose
        ? `has the network of ${whose}, and goes by the rules for that one`
        : 'has no address of its own, and is not captured'
      warn(`${rule} holds for nobody: ${named.name}, which it names, ${why}`)
    }
    told = now
  }
}

function hasAddress({ endpoints, outward = [] }: Container): boolean {
  return outward.length > 0 || endpoints.some(({ addresses }) => addresses.length > 0)
}
