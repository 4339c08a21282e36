import net from 'node:net'
import type { Clock } from '../contracts/clock.ts'
import { isFairShare } from '../contracts/fair-share.ts'
import { GatewayError } from '../contracts/gateway-error.ts'
import type { LookupOptions, LookupProgress, ResolvedAddress, Resolver } from '../contracts/resolver.ts'
import { FamilyLookups } from './family-lookups.ts'
import { LookupShares, type RunningLookup } from './lookup-shares.ts'
import { type Lookup, systemLookup } from './system-lookup.ts'

export interface SystemResolverOptions {
  readonly clock: Clock
  readonly lookup?: Lookup
  /** Lookups handed to the system at once. */
  readonly maxRunning?: number
  /** Names that wait for their turn. Default 1024: with every thread held by a dead DNS server, memory still has an end. */
  readonly maxQueued?: number
  /**
   * Milliseconds for which an answer is used again; 0: never. Default 1000: a decision (PAC's `dnsResolve`) and the dial after it see
   * the same answer and pay once, and no change of network or VPN is missed for longer than a person notices.
   */
  readonly cacheMs?: number
}

/**
 * libuv gives getaddrinfo at most half of its threads (4 unless UV_THREADPOOL_SIZE says otherwise), so that slow DNS can't stop file
 * access. Handing over no more than that keeps the queue here, where a name nobody waits for any longer can leave it.
 */
const SYSTEM_LOOKUPS = Math.max(1, Math.floor((Number(process.env['UV_THREADPOOL_SIZE'] ?? 4) + 1) / 2))
/** Names whose answers are kept, 1 s each: bounds memory under a scan. */
const CACHE_LIMIT = 512

/** RFC 6761 §6.3: `localhost` and everything below it is loopback, whatever DNS says. */
const LOCALHOST = /^(?:.*\.)?localhost\.?$/i
const LOOPBACK: readonly ResolvedAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
]

interface Pending {
  readonly name: string
  /** Whose place in the line it is. */
  readonly client: string
  readonly waiters: Set<Waiter>
  /** Not to be remembered. */
  stale?: boolean
}
interface Waiter {
  /** Empty: nobody in particular. */
  readonly client: string
  readonly progress: LookupProgress | undefined
  resolve(addresses: readonly ResolvedAddress[]): void
  reject(error: unknown): void
}

/** Names to addresses as the host's own programs see them: getaddrinfo, so split DNS of a VPN, /etc/hosts and mDNS all hold. */
export function createSystemResolver(options: SystemResolverOptions): Resolver {
  const { clock, lookup = systemLookup, maxRunning = SYSTEM_LOOKUPS, maxQueued = 1024, cacheMs = 1000 } = options
  const queue = new Map<string, Pending>()
  const queuedBy = new Map<string, number>()
  /** Not answered yet. */
  const running = new Set<Pending>()
  /** Of those that run, whom who asks now may join. */
  const joinable = new Map<string, Pending>()
  const shares = new LookupShares(clock, maxRunning)
  const lookups = new FamilyLookups({ clock, lookup, shares, freed: startQueued })
  const cache = new Map<string, { readonly addresses: readonly ResolvedAddress[]; readonly until: number }>()

  return {
    resolve(name, signal, asked) {
      if (signal.aborted) return Promise.reject(signal.reason)
      const family = net.isIP(name)
      if (family !== 0) return Promise.resolve([{ address: name, family: family === 4 ? 4 : 6 }])
      if (LOCALHOST.test(name)) return Promise.resolve(LOOPBACK)
      const cached = cache.get(name)
      if (cached !== undefined && cached.until > clock.monotonic()) return Promise.resolve(cached.addresses)
      return wait(name, signal, asked)
    },
    forget() {
      cache.clear()
      shares.forget()
      lookups.forget()
      // Asked in the old network: whoever waits gets the answer, nobody after them.
      for (const pending of running) pending.stale = true
      joinable.clear()
    },
  }

  function wait(
    name: string,
    signal: AbortSignal,
    { client = '', progress }: LookupOptions = {},
  ): Promise<readonly ResolvedAddress[]> {
    return new Promise((resolve, reject) => {
      const pending = joinable.get(name) ?? queue.get(name) ?? enqueue(name, client)
      if (pending === undefined) return reject(tooManyLookups(name, maxQueued))
      const onAbort = (): void => {
        pending.waiters.delete(waiter)
        if (pending.waiters.size === 0 && queue.get(name) === pending) leaveQueue(pending)
        reject(signal.reason)
      }
      const waiter: Waiter = {
        client,
        progress,
        resolve(addresses) {
          signal.removeEventListener('abort', onAbort)
          resolve(addresses)
        },
        reject(error) {
          signal.removeEventListener('abort', onAbort)
          reject(error)
        },
      }
      pending.waiters.add(waiter)
      signal.addEventListener('abort', onAbort)
      if (!running.has(pending)) progress?.queued()
      startQueued()
    })
  }

  function enqueue(name: string, client: string): Pending | undefined {
    const own = queuedBy.get(client) ?? 0
    if (queue.size >= maxQueued || !isFairShare(own + 1, queue.size + 1, maxQueued)) return undefined
    const pending: Pending = { name, client, waiters: new Set() }
    queue.set(name, pending)
    queuedBy.set(client, own + 1)
    return pending
  }

  function leaveQueue({ name, client }: Pending): void {
    queue.delete(name)
    const left = queuedBy.get(client)! - 1
    if (left === 0) queuedBy.delete(client)
    else queuedBy.set(client, left)
  }

  /** In the name of any who waits for it. */
  function begin({ name, waiters }: Pending): RunningLookup | undefined {
    for (const client of new Set([...waiters].map((waiter) => waiter.client))) {
      const lookup = shares.begin(name, client)
      if (lookup) return lookup
    }
    return undefined
  }

  function startQueued(): void {
    lookups.startWaiting()
    for (const pending of queue.values()) {
      if (shares.isFull) return
      const turn = begin(pending)
      if (!turn) continue
      leaveQueue(pending)
      running.add(pending)
      joinable.set(pending.name, pending)
      for (const { progress } of pending.waiters) progress?.started()
      lookups.ask(pending.name, turn, (found, error) => answer(pending, found, error))
    }
  }

  function answer(pending: Pending, found: readonly ResolvedAddress[], error: unknown): void {
    running.delete(pending)
    if (joinable.get(pending.name) === pending) joinable.delete(pending.name)
    if (found.length > 0 && !pending.stale) remember(pending.name, found)
    for (const waiter of pending.waiters) {
      if (found.length > 0) waiter.resolve(found)
      else waiter.reject(resolveError(pending.name, error))
    }
  }

  function remember(name: string, addresses: readonly ResolvedAddress[]): void {
    if (cacheMs === 0) return
    cache.delete(name)
    // A Map keeps the order of insertion, so the first key is the oldest.
    if (cache.size >= CACHE_LIMIT) cache.delete(cache.keys().next().value!)
    cache.set(name, { addresses, until: clock.monotonic() + cacheMs })
  }
}

/** Words for what getaddrinfo reports. `ENOTFOUND` stands for EAI_NONAME and EAI_NODATA alike. */
function resolveError(name: string, thrown: unknown): GatewayError {
  if (thrown === undefined) return new GatewayError('RESOLVE_FAILED', `${name} has no address`)
  const code = (thrown as NodeJS.ErrnoException | undefined)?.code
  switch (code) {
    case 'ENOTFOUND':
      return new GatewayError('RESOLVE_FAILED', `${name} does not exist in DNS, or has no address`, {
        hint: 'Check the spelling; a name that only a VPN knows needs the VPN.',
        cause: thrown,
      })
    case 'EAI_AGAIN':
      return new GatewayError(
        'RESOLVE_FAILED',
        `${name} could not be resolved: the DNS servers do not answer, or refuse to`,
        {
          hint: 'Check the network connection and the DNS servers of this machine.',
          cause: thrown,
        },
      )
    default:
      return new GatewayError('RESOLVE_FAILED', `${name} could not be resolved (${code ?? 'unknown error'})`, {
        cause: thrown,
      })
  }
}

function tooManyLookups(name: string, limit: number): GatewayError {
  return new GatewayError('LIMIT_REACHED', `${name} could not be resolved: ${limit} other names are waiting`, {
    hint: 'The DNS servers of this machine answer too slowly.',
  })
}
