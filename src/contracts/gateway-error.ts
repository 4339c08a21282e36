import type { FailedAttempt } from './dialer.ts'
import type { PacTrace } from './pac.ts'
import type { HopKind } from './route.ts'

/** Every way a flow can fail. A closed union: each door maps all of them in one exhaustive switch; `docs/errors.md` explains each. */
export const ERROR_CODES = [
  'BAD_REQUEST',
  'AUTH_REQUIRED',
  'COMMAND_NOT_SUPPORTED',
  'ADDRESS_TYPE_NOT_SUPPORTED',
  'POLICY_REJECTED',
  'ACCESS_DENIED',
  'LOOP_DETECTED',
  'PAC_FAILED',
  'RESOLVE_FAILED',
  'CONNECT_REFUSED',
  'HOST_UNREACHABLE',
  'NETWORK_UNREACHABLE',
  'CONNECT_TIMEOUT',
  'CONNECT_RESET',
  'CONNECT_FAILED',
  'PROXY_AUTH_FAILED',
  'PROXY_REFUSED',
  'PROXY_PROTOCOL_ERROR',
  'TLS_FAILED',
  'UPSTREAM_PROTOCOL_ERROR',
  'UPSTREAM_TIMEOUT',
  'LIMIT_REACHED',
  'SHUTTING_DOWN',
  'CLIENT_GONE',
  'INTERNAL',
] as const
export type ErrorCode = (typeof ERROR_CODES)[number]

/** Which hop failed, without its secrets. `target` is what was asked for itself, not a proxy. */
export interface FailedHop {
  readonly kind: HopKind | 'target'
  readonly host: string
  readonly port: number
}

export interface GatewayErrorDetails {
  readonly hop?: FailedHop
  /** What the other side said, in its own words, cut and cleaned of control characters: `403 Forbidden`, `reply 5`. */
  readonly said?: string
  /** What a person can try. One sentence. */
  readonly hint?: string
  readonly attempts?: readonly FailedAttempt[]
  /** What a PAC script had done until it failed. */
  readonly pac?: PacTrace
  readonly cause?: unknown
}

/** The one error that crosses a seam. Its message is safe to show to the client: no secrets, no control characters. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  readonly code: ErrorCode
  readonly hop: FailedHop | undefined
  readonly said: string | undefined
  readonly hint: string | undefined
  readonly attempts: readonly FailedAttempt[]
  readonly pac: PacTrace | undefined

  constructor(code: ErrorCode, message: string, details: GatewayErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.hop = details.hop
    this.said = details.said
    this.hint = details.hint
    this.attempts = details.attempts ?? []
    this.pac = details.pac
  }
}

/** Whatever was thrown, as a GatewayError; what is not one already is a fault of ours. */
export function toGatewayError(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown
  return new GatewayError('INTERNAL', 'internal error in the gateway', {
    cause: thrown,
    hint: 'This is a fault of Fairlead; its log has the details under the same flow id.',
  })
}
