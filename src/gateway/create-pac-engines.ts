import type { Clock } from '../contracts/clock.ts'
import type { Resolver } from '../contracts/resolver.ts'
import { basicAuthorization } from '../dialers/basic-authorization.ts'
import { createDialers } from '../dialers/create-dialers.ts'
import { describeHop } from '../dialers/hop-error.ts'
import { systemAuthorities } from '../dialers/tls-trust.ts'
import type { Log } from '../observe/log.ts'
import { ALL_NAMES_MS, createPacEngine } from '../pac-engine/create-pac-engine.ts'
import type { PacSource } from '../pac-engine/script-source.ts'
import { timeZoneWarning, zoneInUse } from '../pac-engine/time-zone.ts'
import { describeChain } from '../router/decision.ts'
import { createOwnEndpoints, type Endpoint } from '../router/own-endpoints.ts'
import type { PacSettings, Settings } from '../settings/settings.ts'
import { PacEngines } from './pac-engines.ts'
import { stateFolder } from './state-folder.ts'
import { USER_AGENT } from './version.ts'

export interface PacEnginesOptions {
  readonly clock: Clock
  readonly resolver: Resolver
  readonly log: Log
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where the gateway listens now: a script is never fetched through its own doors, for they would ask that script. */
  ownEndpoints(): readonly Endpoint[]
  /**
   * Whether somebody waits for doors to open. Otherwise a script is waited for however long its names take: what was in force before serves meanwhile, or a person
   * wants to know what the script says.
   */
  isStarting(): boolean
  /** `read`: what others have left is used, and nothing is left. */
  readonly state?: 'read' | 'write'
}

/** PAC engines that look names up as the gateway does, fetch directly or by `pac.via`, and keep the last good version of a URL on disk. */
export function createPacEngines(options: PacEnginesOptions): PacEngines {
  const { clock, resolver, log, env, ownEndpoints, state = 'write' } = options
  const judge = () => undefined
  const isOwnEndpoint = createOwnEndpoints({ endpoints: ownEndpoints, clock })
  const cacheDir = stateFolder(env)

  const sourceOf = (source: PacSettings, { trust, pac, timeouts }: Settings): PacSource => {
    if (source.kind !== 'url') return source
    const extra = trust.ca.map(({ pem }) => pem)
    const ca = [...systemAuthorities(env), ...extra].join('\n')
    const dialers = createDialers({
      clock,
      resolver,
      judge,
      isOwnEndpoint,
      handshakeMs: timeouts.handshake,
      userAgent: USER_AGENT,
      ca: extra,
    })
    const candidate = { hops: pac.via }
    const way = { ...source, dialer: dialers.dialerFor(candidate), ca }
    const last = pac.via.at(-1)
    if (!last) return way
    const isHttp = last.kind === 'http' || last.kind === 'https'
    const httpProxy = {
      name: describeHop(last),
      dial: (signal: AbortSignal) => dialers.dialLastHop(candidate, signal),
      authorization: () => basicAuthorization(last),
    }
    return { ...way, ...(isHttp ? { httpProxy } : {}), via: describeChain(pac.via) }
  }

  let zoneWarning = timeZoneWarning(env.TZ, zoneInUse())
  return new PacEngines(({ source, onFailure, settings }, before) => {
    if (zoneWarning !== undefined) log.warn(zoneWarning)
    zoneWarning = undefined
    const { lastGoodFor } = settings.pac
    return createPacEngine({
      source: sourceOf(source, settings),
      resolver,
      clock,
      // `off`: no version outlives the failure of its successor, in memory or on disk.
      onPacFailure: lastGoodFor === 0 && onFailure === 'lastGood' ? 'block' : onFailure,
      cacheDir,
      cacheWrites: state === 'write',
      before,
      ...(source.kind === 'url' ? { refreshMs: settings.pac.refresh } : {}),
      lastGoodMs: lastGoodFor,
      readMs: settings.pac.fetchTimeout,
      ...(options.isStarting() ? {} : { startNamesMs: ALL_NAMES_MS }),
      limits: { evaluateMs: settings.pac.evaluationTimeout },
      log: (level, message) => log[level](message),
    })
  })
}
