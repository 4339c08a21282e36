import { type FailedHop, GatewayError, type GatewayErrorDetails } from '../contracts/gateway-error.ts'
import type { Hop, HopKind } from '../contracts/route.ts'
import type { Target } from '../contracts/target.ts'
import { formatAuthority } from '../wire/target.ts'

const KIND_NAMES: Readonly<Record<HopKind, string>> = {
  http: 'HTTP proxy',
  https: 'HTTPS proxy',
  socks4: 'SOCKS4 proxy',
  socks4a: 'SOCKS4a proxy',
  socks5: 'SOCKS5 proxy',
  socks5h: 'SOCKS5 proxy',
}

/** A hop for people: `HTTP proxy squid.corp.example:3128`. Never its credentials. */
export function describeHop(hop: Hop): string {
  return `${KIND_NAMES[hop.kind]} ${formatAuthority(hop)}`
}

/** A hop as errors name it: without its credentials. */
export function failedHop(hop: Hop): FailedHop {
  return { kind: hop.kind, host: hop.host, port: hop.port }
}

export function failedTarget(target: Target): FailedHop {
  return { kind: 'target', host: target.host, port: target.port }
}

/**
 * An error of the dial that should have reached `hop`, named after the hop. What lies below only knows the hop as its target;
 * an error that already names a proxy nearer to us stays as it is.
 */
export function failedToReach(hop: Hop, error: unknown): unknown {
  if (!(error instanceof GatewayError) || error.hop?.kind !== 'target') return error
  return copyError(error, {
    message: `cannot reach the ${KIND_NAMES[hop.kind]}: ${error.message}`,
    hop: failedHop(hop),
  })
}

/**
 * Why a dial was given up. A bare CONNECT_TIMEOUT is the deadline of whoever asked, who could not know how far we had come: it is
 * handed back as `located`, which does. Any other reason goes back as it is.
 */
export function abortReason(signal: AbortSignal, located: (deadline: GatewayError) => GatewayError): GatewayError {
  const reason: unknown = signal.reason
  if (!(reason instanceof GatewayError)) {
    return new GatewayError('CLIENT_GONE', 'the dial was given up by whoever asked for it', { cause: reason })
  }
  return reason.code === 'CONNECT_TIMEOUT' && reason.hop === undefined ? located(reason) : reason
}

export function copyError(error: GatewayError, changes: GatewayErrorDetails & { message?: string }): GatewayError {
  const { message, ...details } = changes
  const copy = new GatewayError(error.code, message ?? error.message, {
    ...(error.hop && { hop: error.hop }),
    ...(error.said !== undefined && { said: error.said }),
    ...(error.hint !== undefined && { hint: error.hint }),
    attempts: error.attempts,
    ...(error.cause !== undefined && { cause: error.cause }),
    ...details,
  })
  if (error.stack !== undefined) copy.stack = error.stack
  return copy
}
