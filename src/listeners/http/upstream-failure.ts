import { type FailedHop, GatewayError } from '../../contracts/gateway-error.ts'
import type { UpstreamAnswer, UpstreamRequest } from '../../contracts/request.ts'
import type { Target } from '../../contracts/target.ts'
import { cleanText } from '../../wire/clean-text.ts'
import { guessProtocol } from '../../wire/guess-protocol.ts'
import { fieldValues } from '../../wire/http-fields.ts'
import { GIVE_CREDENTIALS_HINT, proxyRefusal } from '../../wire/proxy-refusal.ts'
import { formatAuthority } from '../../wire/target.ts'
import { faultOf } from './fault-of.ts'

/** Who would have answered: the HTTP proxy that took the request, or the target itself. */
export function answerer(
  upstream: UpstreamRequest,
  target: Target,
): { readonly hop: FailedHop; readonly name: string } {
  const { proxy } = upstream
  const { host, port } = proxy ?? target
  const name = proxy ? `${proxy.kind.toUpperCase()} proxy ${formatAuthority(proxy)}` : formatAuthority(target)
  return { hop: { kind: proxy?.kind ?? 'target', host, port }, name }
}

/** A TLS port that is sent plain HTTP closes without a word: the usual cause. */
const PROXY_CLOSED_HINT =
  'Check that the kind of proxy is right (https:// where it speaks TLS) and that it accepts clients from this address.'

/** Why no response came, from what the reader or Node's client threw. */
export function explainUpstreamError(thrown: Error, upstream: UpstreamRequest, target: Target): GatewayError {
  if (thrown instanceof GatewayError) return thrown
  const { hop, name } = answerer(upstream, target)
  const fault = faultOf(thrown)
  if (fault?.kind === 'refused') return badAnswer(fault.why, upstream, target)
  if (fault?.kind === 'too-large') {
    return new GatewayError('UPSTREAM_PROTOCOL_ERROR', `${name} answered with a head that is too large`, {
      hop,
      cause: thrown,
    })
  }
  if (fault?.kind === 'malformed') {
    const guess = fault.bytes && guessProtocol(fault.bytes)
    const details = guess === undefined ? cleanText(fault.why, 80) : `it looks like ${guess}`
    // What is malformed may be an origin's, handed on by the proxy; what is no HTTP at all is the proxy's own.
    if (upstream.proxy && guess !== undefined) {
      return new GatewayError('PROXY_PROTOCOL_ERROR', `${name} did not answer in HTTP: ${details}`, {
        hop,
        cause: thrown,
        hint: 'Check the address of the proxy and its kind: http://, https:// or socks5://.',
      })
    }
    return new GatewayError('UPSTREAM_PROTOCOL_ERROR', `${name} did not answer in well-formed HTTP: ${details}`, {
      hop,
      cause: thrown,
    })
  }
  return new GatewayError('CONNECT_RESET', `${name} closed the connection without answering`, {
    hop,
    cause: thrown,
    ...(upstream.proxy ? { hint: PROXY_CLOSED_HINT } : {}),
  })
}

/** Why an answer that had begun was broken off: a fault of its bytes, where there is one, else of the connection. */
export function explainBreak(thrown: Error | undefined, upstream: UpstreamRequest, target: Target): GatewayError {
  if (thrown && (thrown instanceof GatewayError || faultOf(thrown)))
    return explainUpstreamError(thrown, upstream, target)
  const { hop, name } = answerer(upstream, target)
  return new GatewayError('CONNECT_RESET', `${name} closed the connection in the middle of its answer`, { hop })
}

/** Why a request whose answer had come did not get there whole. */
export function explainCutRequest(upstream: UpstreamRequest, target: Target): GatewayError {
  const { hop, name } = answerer(upstream, target)
  return new GatewayError('CONNECT_RESET', `${name} answered, and closed the connection in the middle of the request`, {
    hop,
  })
}

export function badAnswer(fault: string, upstream: UpstreamRequest, target: Target): GatewayError {
  const { hop, name } = answerer(upstream, target)
  return new GatewayError('UPSTREAM_PROTOCOL_ERROR', `${name} was refused: its answer ${fault}`, { hop })
}

/**
 * A 407 is between us and the proxy that sent it (RFC 9110 §15.5.8). Passed on, it would ask the client for our upstream's password, or for
 * ours on an origin's behalf; so it never is.
 */
export function explain407(response: UpstreamAnswer, upstream: UpstreamRequest, target: Target): GatewayError {
  const { hop, name } = answerer(upstream, target)
  if (!upstream.proxy) {
    return new GatewayError('UPSTREAM_PROTOCOL_ERROR', `${name} answered 407, which only a proxy may`, {
      hop,
      said: said(response),
    })
  }
  const schemes = fieldValues(response.rawHeaders, 'proxy-authenticate').map((value) =>
    cleanText(value.split(/[ ,]/)[0]!, 20),
  )
  const offered = schemes.length > 0 ? `; it offers ${schemes.join(', ')}` : ''
  const had = upstream.proxy.credentials !== undefined
  return new GatewayError(
    'PROXY_AUTH_FAILED',
    had
      ? `${name} did not accept the user name and password${offered}`
      : `${name} asks for a user name and password${offered}`,
    {
      hop,
      said: said(response),
      hint: had ? 'Check the user name and the password.' : GIVE_CREDENTIALS_HINT,
    },
  )
}

/** A page that the proxy has written itself must not pass for the origin's: the client would take a refusal of the way for an answer. */
export function explainRefusal(
  response: UpstreamAnswer,
  upstream: UpstreamRequest,
  target: Target,
): GatewayError | undefined {
  if (!upstream.proxy) return undefined
  const words = proxyRefusal(response.statusCode ?? 0, response.statusMessage ?? '', response.rawHeaders)
  if (words === undefined) return undefined
  const { hop, name } = answerer(upstream, target)
  return new GatewayError('PROXY_REFUSED', `${name} refused ${formatAuthority(target)}: ${words}`, {
    hop,
    said: words,
    hint: 'The proxy works and said no; its log or its administrator can say why.',
  })
}

function said(response: UpstreamAnswer): string {
  return cleanText(`${response.statusCode} ${response.statusMessage ?? ''}`, 100)
}
