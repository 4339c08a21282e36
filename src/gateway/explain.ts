import { systemClock } from '../contracts/clock.ts'
import type { ContainerView } from '../contracts/containers.ts'
import type { RouteQuery } from '../contracts/route.ts'
import { createSystemResolver } from '../dialers/resolver.ts'
import { createLog } from '../observe/log.ts'
import { type Explanation, explain, explainRoute } from '../router/explain.ts'
import type { Settings } from '../settings/settings.ts'
import { createPacEngines } from './create-pac-engines.ts'
import { createGeneration } from './generation.ts'
import { networkBorders } from './network-borders.ts'
import { unchangingNetwork } from './network-watch.ts'
import { explainOwnDoor } from './own-door.ts'
import { createOwnNetworks } from './own-networks.ts'

export { type Explanation, parseSubject, renderExplanation } from '../router/explain.ts'

/** What is asked about: a target as traffic would ask for it. */
export type Subject = Pick<RouteQuery, 'target' | 'scheme' | 'scope' | 'path'> & {
  /** Whose flow it is. Absent: a program on loopback asks, as the host's own and its engine do. */
  readonly client?: RouteQuery['client']
}

export interface Explainer {
  explain(subject: Subject): Promise<Explanation>
  close(): void
}

/**
 * Says what a gateway with these settings would decide, from the router it would use. `view`: what its engine has, where one was asked.
 */
export async function createExplainer(
  settings: Settings,
  env: Readonly<Record<string, string | undefined>>,
  warn: (message: string) => void,
  view?: ContainerView,
): Promise<Explainer> {
  const clock = systemClock
  const resolver = createSystemResolver({ clock })
  const log = createLog({ level: 'silent', format: 'json' })
  const listening = [...settings.listen.mixed, ...settings.listen.tls].map(({ address }) => address)
  const ownEndpoints = () => listening.flatMap((at) => (at.kind === 'tcp' ? [{ address: at.host, port: at.port }] : []))
  const generation = await createGeneration(1, settings, {
    clock,
    resolver,
    env,
    ownEndpoints,
    pacEngines: createPacEngines({ clock, resolver, log, env, ownEndpoints, isStarting: () => false, state: 'read' }),
    networkWatch: unchangingNetwork,
    ...(view
      ? {
          networkBorders: networkBorders({ view: () => view }),
          ownNetworks: createOwnNetworks({ view: () => view }, () => settings.dns.containerNames),
        }
      : {}),
    warn,
  })
  return {
    explain: async (subject) => {
      const query = { client: { address: '127.0.0.1', local: true }, ...subject }
      const own = explainOwnDoor(query, settings)
      if (own) return explainRoute(query, { ...own, generation: 1 })
      return explain(generation.router, query, new AbortController().signal)
    },
    close: () => generation.retire(),
  }
}
