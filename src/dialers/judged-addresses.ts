import type { DialContext } from '../contracts/dialer.ts'
import { GatewayError } from '../contracts/gateway-error.ts'
import type { ResolvedAddress, Resolver } from '../contracts/resolver.ts'
import type { RouteQuery } from '../contracts/route.ts'
import type { Target } from '../contracts/target.ts'
import { formatAuthority } from '../wire/target.ts'
import type { Judge } from './direct.ts'
import { abortReason, copyError, failedTarget } from './hop-error.ts'

export interface JudgedBy {
  readonly resolver: Resolver
  readonly judge: Judge
  /** Canonical addresses to dial instead of what was asked for, as for `host.docker.internal`. They are judged too. */
  readonly leadsTo?: ((query: RouteQuery) => readonly string[] | undefined) | undefined
}

export interface Judged {
  /** At least one. */
  readonly allowed: readonly ResolvedAddress[]
  /** The judge's error for the first of those that may not be dialled. */
  readonly refusal: GatewayError | undefined
}

/** As `judgeAddresses`, without what was refused beside them. */
export async function judgedAddresses(
  target: Target,
  context: DialContext,
  options: JudgedBy,
): Promise<readonly ResolvedAddress[]> {
  return (await judgeAddresses(target, context, options)).allowed
}

/**
 * The addresses of a target that may be dialled. All refused: rejects with the judge's error for the first. Of a captured connection it is
 * the address that its client has dialled, whatever its name may lead to.
 */
export async function judgeAddresses(
  target: Target,
  { signal, query, addresses }: DialContext,
  { resolver, judge, leadsTo }: JudgedBy,
): Promise<Judged> {
  if (signal.aborted) throw abortReason(signal, (deadline) => resolveTimeout(target, deadline))
  const { host, family } = query?.captured?.dialled ?? target
  const instead = addresses ?? (query && leadsTo?.(query))
  const resolved = instead
    ? instead.map((address) => ({ address, family: address.includes(':') ? (6 as const) : (4 as const) }))
    : family === 0
      ? await resolve(target, resolver, signal, query)
      : [{ address: host, family }]
  let refusal: GatewayError | undefined
  const allowed: ResolvedAddress[] = []
  for (const entry of resolved) {
    const error = judge(entry.address, target.port, query)
    if (error === undefined) allowed.push(entry)
    else refusal ??= error
  }
  if (allowed.length > 0) return { allowed, refusal }
  throw refusal ?? new GatewayError('RESOLVE_FAILED', `${target.host} has no address`, { hop: failedTarget(target) })
}

async function resolve(
  target: Target,
  resolver: Resolver,
  signal: AbortSignal,
  query: RouteQuery | undefined,
): Promise<readonly ResolvedAddress[]> {
  try {
    const client = query && (query.client.container?.id ?? query.client.address)
    return await resolver.resolve(target.host, signal, { client, scope: query?.scope })
  } catch (error) {
    if (signal.aborted) throw abortReason(signal, (deadline) => resolveTimeout(target, deadline))
    if (!(error instanceof GatewayError) || error.hop !== undefined) throw error
    throw copyError(error, { hop: failedTarget(target) })
  }
}

function resolveTimeout(target: Target, cause: unknown): GatewayError {
  return new GatewayError('CONNECT_TIMEOUT', `${formatAuthority(target)}: the name could not be resolved in time`, {
    hop: failedTarget(target),
    hint: 'The DNS server does not answer; check the network connection and the VPN.',
    cause,
  })
}
