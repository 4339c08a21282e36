import type { Clock } from '../contracts/clock.ts'
import { GatewayError, toGatewayError } from '../contracts/gateway-error.ts'
import type { NetworkWatch } from '../contracts/network-watch.ts'
import type { RequestDialer } from '../contracts/request.ts'
import type { Resolver } from '../contracts/resolver.ts'
import type { Router } from '../contracts/route.ts'
import type { Scope } from '../contracts/target.ts'
import { createDoorAuth } from '../credentials/door-auth.ts'
import { type AllDialers, createDialers } from '../dialers/create-dialers.ts'
import { createRequestDialer } from '../dialers/request/create-request-dialer.ts'
import { type Access, createAccess } from '../router/access.ts'
import { compileContainerRules } from '../router/container-rules.ts'
import { createRouter, type Policy } from '../router/create-router.ts'
import { readEnvironment } from '../router/environment.ts'
import { namedProxies } from '../router/named-proxies.ts'
import type { Endpoint } from '../router/own-endpoints.ts'
import type { SpecialAddresses } from '../router/special-addresses.ts'
import type { DoorSettings, ProxySettings, Settings, TlsDoorSettings } from '../settings/settings.ts'
import { admitsFrom } from './admits-from.ts'
import { specialAddressesOf } from './dns-settings.ts'
import type { DoorPlan } from './doors.ts'
import type { NetworkBorders } from './network-borders.ts'
import { type OwnNetworks, withOwnNetworks } from './own-networks.ts'
import { describePac, type PacEngines, type PacLease } from './pac-engines.ts'
import { createPacketParts } from './packet-parts.ts'
import type { PacketParts } from './packet-session.ts'
import { specialCollisions } from './special-collisions.ts'
import { USER_AGENT } from './version.ts'

/** What a generation needs of the world; the same for all generations of a gateway. */
export interface World {
  readonly clock: Clock
  readonly resolver: Resolver
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where the gateway listens now. */
  ownEndpoints(): readonly Endpoint[]
  readonly pacEngines: PacEngines
  readonly networkWatch: NetworkWatch
  /** As of `Newcomers`. Absent: who is not known is nobody's container. */
  isUncertain?(address: string): boolean
  /** Which of the engine's networks is closed to a client. Absent: no engine is asked. */
  readonly networkBorders?: NetworkBorders
  /** Absent: no containers are known. */
  readonly ownNetworks?: OwnNetworks
  /** Grows with each change in the engine: borders may lie elsewhere since. */
  verdicts?(): number
  /** Something a person should know that keeps nothing from working. */
  warn(message: string): void
}

/** Everything that one version of the settings becomes. Made completely, then swapped in; never changed. */
export interface Generation {
  readonly number: number
  readonly settings: Settings
  readonly router: Router
  readonly access: Access
  readonly dialers: AllDialers
  /** For datagrams: decides them, and opens their ways out. */
  readonly udp: PacketParts
  readonly requests: RequestDialer
  readonly doorPlans: readonly DoorPlan[]
  /** What was learnt of the ways out in the old network is forgotten, and idle connections through it are ended. */
  networkChanged(): void
  /** Gives back what is held: at once what is idle, the rest when the last decision that uses it is made. */
  retire(): void
}

/**
 * `reload`: rejects with PAC_FAILED where the settings name or hold a PAC script that does not load, and what runs until now is to stay. It waits for scripts as
 * `ready` of an engine does; one that has not come, or is not through, by then counts as good.
 */
export async function createGeneration(
  number: number,
  settings: Settings,
  world: World,
  when: 'start' | 'reload' = 'start',
): Promise<Generation> {
  const leases: PacLease[] = []
  const releaseAll = () => {
    for (const held of leases) held.release()
  }
  const warned = new Set<string>()
  /** Both scopes may read the same environment. */
  const warn = (message: string) => {
    if (!warned.has(message)) world.warn(message)
    warned.add(message)
  }
  const lease = async (proxy: ProxySettings, scope: Scope): Promise<Policy> => {
    const taken = await policyOf(proxy, scope, settings, world, warn)
    if (taken.lease) leases.push(taken.lease)
    const { fault } = taken.lease ?? {}
    if (fault && when === 'reload') throw fault
    return taken.policy
  }
  if (settings.capture.enabled) for (const collision of specialCollisions(settings)) warn(collision)
  const special = specialAddressesOf(settings)
  const access = createAccess({
    ...settings.access,
    leadsTo: special.dialled,
    ...(world.networkBorders ? { closedNetwork: world.networkBorders } : {}),
    ownEndpoints: world.ownEndpoints,
    clock: world.clock,
  })
  const inFlight = new InFlight(releaseAll)
  const policies = await bothOf([lease(settings.proxy, 'host'), lease(settings.containersProxy, 'containers')]).catch(
    (thrown) => {
      releaseAll()
      throw thrown
    },
  )
  const containerRules = compileContainerRules(settings.containerRules, world.isUncertain)
  const routerWith = (special: SpecialAddresses): Router => {
    const router = createRouter({
      host: policies[0],
      containers: policies[1],
      containerRules,
      access,
      special,
      rejectDisbelieved: settings.capture.trust === 'reject',
      generation: number,
    })
    const decide: Router['route'] =
      leases.length === 0
        ? router.route
        : (query, signal) =>
            within(settings.timeouts.decision, world.clock, signal, (inTime) => router.route(query, inTime))
    return { route: (query, signal) => inFlight.during(decide(query, signal)) }
  }
  const dialers = createDialers({
    clock: world.clock,
    resolver: world.resolver,
    judge: access.judgeAddress,
    leadsTo: special.dialled,
    isOwnEndpoint: access.isOwnEndpoint,
    userAgent: USER_AGENT,
    ca: settings.trust.ca.map((file) => file.pem),
    handshakeMs: settings.timeouts.handshake,
    dialDeadlineMs: settings.timeouts.dial,
    attemptMs: settings.timeouts.attempt,
    failureMemoryMs: settings.timeouts.failureMemory,
  })
  const requests = createRequestDialer({
    walk: dialers.walk,
    clock: world.clock,
    ...(world.verdicts ? { verdicts: world.verdicts } : {}),
    dialTarget: dialers.dialTarget,
    dialLastHop: (candidate, _query, signal) => dialers.dialLastHop(candidate, signal),
    limits: { maxIdle: settings.limits.idleUpstreams, maxHeaderBytes: settings.limits.requestHead },
  })
  return {
    number,
    settings,
    access,
    dialers,
    requests,
    router: routerWith(withOwnNetworks(special, world.ownNetworks)),
    udp: createPacketParts({
      settings,
      // A container finds its neighbours by TCP alone: an association has one way out for all that it speaks with.
      router: routerWith(special),
      access,
      containerRules,
      dialers,
      world,
      generation: number,
      special,
    }),
    doorPlans: [
      ...settings.listen.mixed.map((door) => doorPlan(door, settings)),
      ...settings.listen.tls.map((door) => tlsDoorPlan(door, settings)),
    ],
    networkChanged() {
      dialers.walk.forgetFailures?.()
      requests.dropIdle()
    },
    retire() {
      requests.close()
      inFlight.retire()
    },
  }
}

/** Waits for both in any case: what one holds must be known when the other has failed. */
async function bothOf<T>(pair: readonly [Promise<T>, Promise<T>]): Promise<readonly [T, T]> {
  const faults: unknown[] = []
  for (const settled of await Promise.allSettled(pair)) if (settled.status === 'rejected') faults.push(settled.reason)
  const messages = new Set(faults.map((fault) => toGatewayError(fault).message))
  if (messages.size > 1) throw new GatewayError('PAC_FAILED', [...messages].join('; '))
  return Promise.all(pair)
}

async function policyOf(
  proxy: ProxySettings,
  scope: Scope,
  settings: Settings,
  world: World,
  warn: (message: string) => void,
): Promise<{ policy: Policy; lease?: PacLease }> {
  const { group, mode, http, https, exclude } = proxy
  const manual = { group, http, https, exclude }
  if (mode === 'system') {
    const environment = readEnvironment(world.env)
    for (const problem of environment.problems) warn(problem)
    return { policy: { ...manual, mode, environment } }
  }
  if (mode !== 'manual' || !proxy.pac) return { policy: { ...manual, mode } }
  const lease = await world.pacEngines.lease({ source: proxy.pac, onFailure: proxy.onPacFailure, scope, settings })
  const onFailure = proxy.onPacFailure === 'direct' ? 'direct' : 'block'
  const named = namedProxies(settings.upstreams)
  const pac = { engine: lease.engine, label: describePac(proxy.pac), onFailure, named } as const
  return { policy: { ...manual, mode, pac }, lease }
}

function doorPlan(door: DoorSettings, settings: Settings): DoorPlan {
  return {
    address: door.address,
    scope: door.scope,
    carriesPackets: settings.udp[door.scope].kind !== 'deny',
    from: door.from,
    admits: admitsFrom(door.from),
    ...(door.users ? { auth: createDoorAuth(door.users) } : {}),
  }
}

function tlsDoorPlan(door: TlsDoorSettings, settings: Settings): DoorPlan {
  const passphrase = door.passphrase ? { passphrase: door.passphrase.reveal() } : {}
  return { ...doorPlan(door, settings), tls: { cert: door.cert, key: door.key.reveal(), ...passphrase } }
}

/** A script may wait for names, or its turn; the other rules take no time, and need no timer. What it waited for, its engine knows. */
async function within<T>(
  ms: number,
  clock: Clock,
  outer: AbortSignal,
  decide: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const passOn = () => controller.abort(outer.reason)
  const cancel = clock.after(ms, () =>
    controller.abort(
      new GatewayError('PAC_FAILED', `the PAC script has not decided within ${ms / 1000} s (timeouts.decision)`),
    ),
  )
  outer.addEventListener('abort', passOn)
  try {
    return await decide(controller.signal)
  } finally {
    cancel()
    outer.removeEventListener('abort', passOn)
  }
}

/** Counts what is under way; after `retire`, runs `done` once when nothing is any more. */
class InFlight {
  readonly #done: () => void
  #count = 0
  #retired = false

  constructor(done: () => void) {
    this.#done = done
  }

  async during<T>(work: Promise<T>): Promise<T> {
    this.#count += 1
    try {
      return await work
    } finally {
      this.#count -= 1
      this.#settle()
    }
  }

  retire(): void {
    if (this.#retired) return
    this.#retired = true
    this.#settle()
  }

  #settle(): void {
    if (this.#retired && this.#count === 0) this.#done()
  }
}
