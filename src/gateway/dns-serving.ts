import { randomInt } from 'node:crypto'
import type { AnsweredNames } from '../contracts/answered-names.ts'
import type { Clock } from '../contracts/clock.ts'
import type { ContainerDirectory } from '../contracts/containers.ts'
import type { NetworkWatch } from '../contracts/network-watch.ts'
import type { Resolver } from '../contracts/resolver.ts'
import { AnswerCache } from '../dns/answer-cache.ts'
import { Answerer, type Outcome } from '../dns/answerer.ts'
import type { Askers } from '../dns/container-names.ts'
import { droppedHere, type Reach } from '../dns/inhibition.ts'
import { Lookups } from '../dns/lookups.ts'
import { ReachProbe } from '../dns/reach-probe.ts'
import { Upstream } from '../dns/upstream.ts'
import type { Settings } from '../settings/settings.ts'
import { droppedBy, LAST_RESORT, needsProbe, probeTargets } from './dns-settings.ts'

/** Everything that one version of the settings becomes. */
export interface Serving {
  readonly settings: Settings
  readonly answerer: Answerer
  readonly lookups: Lookups
  readonly probe?: ReachProbe
}

export interface ServingParts {
  readonly clock: Clock
  readonly resolver: Resolver
  readonly networkWatch: NetworkWatch
  readonly names?: AnsweredNames | undefined
  readonly directory: () => ContainerDirectory | undefined
  readonly askers: Askers
  /** Told at the first look, and of each change. */
  reachFound(reach: Reach): void
  /** As of `Newcomers`. */
  ownerOf(address: string): string
}

type Servers = () => readonly { readonly address: string; readonly port: number }[]

/** Questions of one client that may wait, however few are allowed in all. */
const LEAST_PER_CLIENT = 50

/** `hostServers`: those that the host itself asks, without ours. `answered`: told of each question. The probe is the caller's to close. */
export function startServing(
  settings: Settings,
  { clock, resolver, networkWatch, reachFound, names, directory, askers, ownerOf }: ServingParts,
  hostServers: Servers,
  answered: (outcome: Outcome) => void,
): Serving {
  const { dns } = settings
  const servers = () => (dns.servers.length > 0 ? dns.servers : hostServers())
  const lookups = new Lookups({
    clock,
    resolver,
    upstream: new Upstream({ clock, randomId: () => randomInt(65_536) }),
    cache: new AnswerCache({
      clock,
      maxEntries: dns.cacheEntries,
      maxTtl: dns.maxTtl / 1000,
      maxNegativeTtl: dns.negativeTtl / 1000,
    }),
    servers,
    zones: dns.zones,
    hostTtl: Math.max(1, Math.floor(dns.hostTtl / 1000)),
    maxRunning: dns.questions,
  })
  const probe = needsProbe(dns)
    ? new ReachProbe({
        clock,
        networkWatch,
        targets: () => probeTargets(settings, hostServers()),
        ...(dns.probe.length > 0 ? {} : { lastResort: LAST_RESORT }),
        changed: reachFound,
      })
    : undefined
  const answerer = new Answerer({
    clock,
    lookups,
    timeoutMs: dns.timeout,
    specialAddresses: { host: dns.hostAddress, gateway: dns.gatewayAddress },
    ipv6ForAll: dns.hostAddressIsGiven,
    containers: directory,
    containerNames: dns.containerNames,
    names,
    dropped: async () => {
      await probe?.ready
      return droppedBy(dns, probe?.reach)
    },
    droppedHere: droppedHere(dns.mode, dns.inhibition),
    maxWaiting: dns.questions,
    maxWaitingPerClient: Math.max(LEAST_PER_CLIENT, Math.floor(dns.questions / 10)),
    askers,
    ownerOf,
    answered,
  })
  return { settings, answerer, lookups, ...(probe ? { probe } : {}) }
}

/** Whether nothing has changed that the answers hang on. */
export function isSame(one: Settings, other: Settings): boolean {
  const relevant = ({ dns, proxy, containersProxy }: Settings) =>
    JSON.stringify([
      dns,
      [...dns.zones],
      [proxy.http, proxy.https, containersProxy.http, containersProxy.https].map((hops) =>
        hops.map(({ host, port }) => [host, port]),
      ),
    ])
  return relevant(one) === relevant(other)
}
