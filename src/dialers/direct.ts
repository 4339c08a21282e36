import net from 'node:net'
import type { Clock } from '../contracts/clock.ts'
import type { StreamDialer } from '../contracts/dialer.ts'
import { GatewayError } from '../contracts/gateway-error.ts'
import type { ResolvedAddress, Resolver } from '../contracts/resolver.ts'
import type { RouteQuery } from '../contracts/route.ts'
import type { Target } from '../contracts/target.ts'
import { keepStreamAlive } from '../system/keep-alive.ts'
import { keepUrgentBytes } from '../system/urgent-in-place.ts'
import { formatAuthority } from '../wire/target.ts'
import { orderAddresses } from './address-order.ts'
import { connectError, connectTimeout } from './connect-error.ts'
import { ATTEMPT_DELAY_MS, raceConnects } from './happy-eyeballs.ts'
import { abortReason, failedTarget } from './hop-error.ts'
import { judgeAddresses } from './judged-addresses.ts'

/** Says no to an address; `query` is absent when the gateway dials on its own account, as it does to reach a proxy. */
export type Judge = (address: string, port: number, query: RouteQuery | undefined) => GatewayError | undefined

export interface DirectOptions {
  readonly resolver: Resolver
  readonly judge: Judge
  /** Whether the gateway itself listens there: dialling it would go round in a circle. */
  readonly isOwnEndpoint: (address: string, port: number) => boolean
  readonly clock: Clock
  /** See `JudgedBy`. */
  readonly leadsTo?: (query: RouteQuery) => readonly string[] | undefined
  readonly attemptDelayMs?: number
}

/**
 * The innermost dialer: the host's own sockets. A name is resolved once, every address is judged, and exactly those that pass are
 * dialled, so nothing can change between the check and the use.
 */
export function createDirectDialer(options: DirectOptions): StreamDialer {
  const { clock, attemptDelayMs = ATTEMPT_DELAY_MS } = options
  return {
    async dial(target, context) {
      const { allowed, refusal } = await judgeAddresses(target, context, options)
      // For a client's flow the judge has spoken of our own ports too, with the exceptions that `access.allow` makes.
      const ordered = orderAddresses(allowed)
      const addresses = context.query
        ? ordered.map(({ address }) => address)
        : withoutOwnEndpoints(ordered, target, options)
      const open = (address: string): net.Socket => openSocket(address, target.port)
      const result = await raceConnects({
        addresses,
        failed: context.failed,
        open,
        clock,
        signal: context.signal,
        attemptDelayMs,
      })
      if ('won' in result) return result.won
      if ('failures' in result) throw connectError(target, result.failures, refusal)
      throw abortReason(context.signal, (deadline) => connectTimeout(target, result.tried, deadline))
    },
  }
}

function openSocket(host: string, port: number): net.Socket {
  const socket = net.connect({
    host,
    port,
    allowHalfOpen: true,
    noDelay: true,
    // We own the algorithm and hand over one address at a time.
    autoSelectFamily: false,
  })
  // Paused before it connects, Node does not begin to read: nothing waits in user space when a relay takes the socket over.
  socket.pause()
  // An error between two owners must not end the process; whoever holds the socket listens too.
  socket.on('error', ignore)
  socket.once('connect', () => {
    keepStreamAlive(socket)
    keepUrgentBytes(socket)
  })
  return socket
}

function ignore(): void {}

function withoutOwnEndpoints(
  addresses: readonly ResolvedAddress[],
  target: Target,
  { isOwnEndpoint }: DirectOptions,
): readonly string[] {
  const foreign = addresses.map((entry) => entry.address).filter((address) => !isOwnEndpoint(address, target.port))
  if (foreign.length > 0) return foreign
  throw new GatewayError('LOOP_DETECTED', `${formatAuthority(target)} is this gateway itself`, {
    hop: failedTarget(target),
    hint: 'Point the proxy settings at the upstream proxy, not at the gateway.',
  })
}
