import type { ErrorCode } from '../contracts/gateway-error.ts'
import type { HeldAnswer } from './rules/capture-plan.ts'

/**
 * How a client whose connection has not been accepted is told: as the network itself would have told it. A target that does not answer is told
 * by no answer, and the client's own patience decides; every other refusal is "connection refused", which programs understand at once.
 */
export function heldAnswer(code: ErrorCode): HeldAnswer | 'silence' {
  switch (code) {
    case 'HOST_UNREACHABLE':
      return 'hostUnreachable'
    case 'NETWORK_UNREACHABLE':
      return 'networkUnreachable'
    case 'CONNECT_TIMEOUT':
    case 'UPSTREAM_TIMEOUT':
      return 'silence'
    case 'BAD_REQUEST':
    case 'AUTH_REQUIRED':
    case 'COMMAND_NOT_SUPPORTED':
    case 'ADDRESS_TYPE_NOT_SUPPORTED':
    case 'POLICY_REJECTED':
    case 'ACCESS_DENIED':
    case 'LOOP_DETECTED':
    case 'PAC_FAILED':
    case 'RESOLVE_FAILED':
    case 'CONNECT_REFUSED':
    case 'CONNECT_RESET':
    case 'CONNECT_FAILED':
    case 'PROXY_AUTH_FAILED':
    case 'PROXY_REFUSED':
    case 'PROXY_PROTOCOL_ERROR':
    case 'TLS_FAILED':
    case 'UPSTREAM_PROTOCOL_ERROR':
    case 'LIMIT_REACHED':
    case 'SHUTTING_DOWN':
    case 'CLIENT_GONE':
    case 'INTERNAL':
      return 'reset'
  }
}
