import type { Clock } from '../contracts/clock.ts'
import type { Conn } from '../contracts/conn.ts'
import type { CandidateWalk, DialContext, Dialers, StreamDialer } from '../contracts/dialer.ts'
import type { Resolver } from '../contracts/resolver.ts'
import type { Candidate, RouteQuery } from '../contracts/route.ts'
import type { Target } from '../contracts/target.ts'
import { orderAddresses } from './address-order.ts'
import { chain, type HopOptions, toProxy } from './chain.ts'
import { createDirectDialer, type Judge } from './direct.ts'
import { HANDSHAKE_MS } from './handshake.ts'
import { failedToReach } from './hop-error.ts'
import { judgedAddresses } from './judged-addresses.ts'
import { createTrust } from './tls-trust.ts'
import { createCandidateWalk } from './walk.ts'

export interface DialersOptions {
  readonly clock: Clock
  readonly resolver: Resolver
  /** Judges every resolved address before it is dialled. `query` is absent for the gateway's own dials, to proxies for instance. */
  readonly judge: Judge
  /** Whether the gateway itself listens there. */
  readonly isOwnEndpoint: (address: string, port: number) => boolean
  /** See `JudgedBy`. */
  readonly leadsTo?: (query: RouteQuery) => readonly string[] | undefined
  /** Value of User-Agent towards HTTP proxies: `Fairlead/0.1.0`. */
  readonly userAgent: string
  /** Authorities (PEM) that HTTPS proxies may be certified by, besides the machine's. */
  readonly ca?: readonly string[]
  /** ms for one proxy to answer one handshake; see `HANDSHAKE_MS`. */
  readonly handshakeMs?: number
  /** ms; see the constants in `walk.ts`. */
  readonly dialDeadlineMs?: number
  readonly attemptMs?: number
  readonly failureMemoryMs?: number
}

/** All ways out. Tunnels use `dial`; plain-HTTP requests walk the same candidates with attempts of their own. */
export interface AllDialers extends Dialers {
  readonly walk: CandidateWalk
  /** The addresses that a direct route may dial, in the order to try them; rejects as the dial would. */
  directAddresses(target: Target, context: DialContext): Promise<readonly string[]>
  /** Through all hops of the candidate to whatever target. */
  dialerFor(candidate: Candidate): StreamDialer
  /** Through all hops to the query's target. */
  dialTarget(candidate: Candidate, query: RouteQuery, signal: AbortSignal): Promise<Conn>
  /** To the candidate's last hop itself, inside TLS for an `https` hop, to speak HTTP with it. There must be one. */
  dialLastHop(candidate: Candidate, signal: AbortSignal): Promise<Conn>
}

export function createDialers(options: DialersOptions): AllDialers {
  const hopOptions: HopOptions = {
    clock: options.clock,
    handshakeMs: options.handshakeMs ?? HANDSHAKE_MS,
    userAgent: options.userAgent,
    trust: createTrust(options.ca ?? []),
    resolver: options.resolver,
    judge: options.judge,
  }
  const direct = createDirectDialer(options)
  const walk = createCandidateWalk(options)
  // Manual routes hand out the same candidate objects again and again; those of a PAC file go with their flow.
  const built = new WeakMap<Candidate, StreamDialer>()

  const dialerFor = (candidate: Candidate): StreamDialer => {
    if (candidate.hops.length === 0) return direct
    let dialer = built.get(candidate)
    if (dialer === undefined) {
      dialer = chain(candidate.hops, direct, hopOptions)
      built.set(candidate, dialer)
    }
    return dialer
  }
  const dialTarget: AllDialers['dialTarget'] = (candidate, query, signal) =>
    dialerFor(candidate).dial(query.target, contextOf(candidate, query, signal))

  return {
    walk,
    directAddresses: async (target, context) =>
      orderAddresses(await judgedAddresses(target, context, options)).map(({ address }) => address),
    dialerFor,
    dialTarget,
    async dialLastHop(candidate, signal) {
      const hop = candidate.hops.at(-1)
      if (hop === undefined) throw new TypeError('a direct candidate has no last hop')
      try {
        return await toProxy(hop, chain(candidate.hops.slice(0, -1), direct, hopOptions), hopOptions).dial(hop, {
          signal,
        })
      } catch (error) {
        throw failedToReach(hop, error)
      }
    },
    dial(route, query, signal, begun) {
      const attempt = (candidate: Candidate, attemptSignal: AbortSignal) => {
        // What becomes of the target's addresses from here says nothing about other ways.
        if (begun === undefined || candidate.hops.length > 0) return dialTarget(candidate, query, attemptSignal)
        return direct.dial(query.target, { ...contextOf(candidate, query, attemptSignal), failed: begun.failed })
      }
      return walk.walk(route, signal, attempt, begun?.since)
    },
  }
}

/** Where it goes is the last hop's to say, where there is one. */
function contextOf({ addresses }: Candidate, query: RouteQuery, signal: AbortSignal): DialContext {
  return { signal, query, ...(addresses ? { addresses } : {}) }
}
