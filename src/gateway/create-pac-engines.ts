import type { Clock } from '../contracts/clock.ts'
import type { Resolver } from '../contracts/resolver.ts'
import { createDirectDialer } from '../dialers/direct.ts'
import { systemAuthorities } from '../dialers/tls-trust.ts'
import type { Log } from '../observe/log.ts'
import { createPacEngine } from '../pac-engine/create-pac-engine.ts'
import type { PacSource } from '../pac-engine/script-source.ts'
import type { PacSettings, Settings } from '../settings/settings.ts'
import { PacEngines } from './pac-engines.ts'
import { stateFolder } from './state-folder.ts'

/** `off`: however old. Ten years. */
const NO_LIMIT_MS = 10 * 365 * 86_400_000

export interface PacEnginesOptions {
  readonly clock: Clock
  readonly resolver: Resolver
  readonly log: Log
  readonly env: Readonly<Record<string, string | undefined>>
}

/** PAC engines that look names up as the gateway does, fetch directly, and keep the last good version of a URL on disk. */
export function createPacEngines({ clock, resolver, log, env }: PacEnginesOptions): PacEngines {
  // Never through the PAC script that is about to be loaded: directly.
  const dialer = createDirectDialer({ clock, resolver, judge: () => undefined, isOwnEndpoint: () => false })
  const cacheDir = stateFolder(env)
  const sourceOf = (source: PacSettings, { trust }: Settings): PacSource => {
    if (source.kind !== 'url') return source
    return { ...source, dialer, ca: [...systemAuthorities(env), ...trust.ca.map(({ pem }) => pem)].join('\n') }
  }
  return new PacEngines(async ({ source, onFailure, settings }) => {
    const engine = createPacEngine({
      source: sourceOf(source, settings),
      resolver,
      clock,
      onPacFailure: onFailure,
      ...(cacheDir ? { cacheDir } : {}),
      ...(source.kind === 'url' ? { refreshMs: settings.pac.refresh } : {}),
      lastGoodMs: settings.pac.lastGoodFor || NO_LIMIT_MS,
      readMs: settings.pac.fetchTimeout,
      limits: { evaluateMs: settings.pac.evaluationTimeout },
      log: (level, message) => log[level](message),
    })
    await engine.ready
    return engine
  })
}
