import type { PeerCertificate, TLSSocket } from 'node:tls'
import { GatewayError } from '../contracts/gateway-error.ts'
import type { Hop } from '../contracts/route.ts'
import { cleanText } from '../wire/clean-text.ts'
import { describeHop, failedHop } from './hop-error.ts'

/** Characters of a certificate's names that are quoted; some certificates list hundreds. */
const NAMES_SHOWN = 160

/** Why a proxy's certificate is not accepted, in words that say what to do. `code` is OpenSSL's or Node's name for it. */
export function certificateError(hop: Hop, socket: TLSSocket): GatewayError {
  // Typed as an Error, but a string: the code where there is one.
  const code = String(socket.authorizationError ?? 'unknown')
  const certificate: Partial<PeerCertificate> = socket.getPeerCertificate() ?? {}
  const { words, hint } = explain(code, hop, certificate)
  return new GatewayError('TLS_FAILED', `the certificate of ${describeHop(hop)} ${words}`, {
    hop: failedHop(hop),
    hint,
    cause: new Error(code),
  })
}

/** The TLS handshake itself failed, before any certificate could be judged. */
export function tlsError(hop: Hop, error: NodeJS.ErrnoException): GatewayError {
  if (error.code === 'ECONNRESET' || error.code === 'EPIPE') {
    return new GatewayError('CONNECT_RESET', `${describeHop(hop)} closed the connection during the TLS handshake`, {
      hop: failedHop(hop),
      hint: 'Perhaps it speaks plain HTTP: then its URL begins with http://.',
      cause: error,
    })
  }
  const clear = error.code === 'ERR_SSL_WRONG_VERSION_NUMBER' || error.code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG'
  const reason = cleanText((error as { reason?: string }).reason ?? error.code ?? error.message, 80)
  return new GatewayError(
    'TLS_FAILED',
    `${describeHop(hop)} ${clear ? 'does not speak TLS' : `failed the TLS handshake: ${reason}`}`,
    {
      hop: failedHop(hop),
      hint: clear
        ? 'Perhaps it speaks plain HTTP: then its URL begins with http://.'
        : 'The proxy and Fairlead found no common TLS version or cipher, or the proxy wants a client certificate.',
      cause: error,
    },
  )
}

function explain(code: string, hop: Hop, certificate: Partial<PeerCertificate>): { words: string; hint: string } {
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return {
        words: `expired on ${day(certificate.valid_to)}`,
        hint: 'The proxy needs a new certificate; if the date looks right, check the clock of this machine.',
      }
    case 'CERT_NOT_YET_VALID':
      return {
        words: `is not valid before ${day(certificate.valid_from)}`,
        hint: 'Check the clock of this machine and of the proxy.',
      }
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return {
        words: `is not for ${hop.host}; it is for ${namesOf(certificate)}`,
        hint: 'Use one of these names in the URL of the proxy, or have the certificate made for this one.',
      }
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return { words: `comes from an issuer that is not trusted here: ${issuerOf(certificate)}`, hint: ADD_CA }
    case 'SELF_SIGNED_CERT_IN_CHAIN':
      return {
        words: `comes from a private authority that is not trusted here: ${issuerOf(certificate)}`,
        hint: ADD_CA,
      }
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return { words: 'is self-signed and not trusted here', hint: ADD_CA }
    case 'CERT_REVOKED':
      return { words: 'has been revoked', hint: 'The proxy needs a new certificate.' }
    default:
      return { words: `is not acceptable (${cleanText(code, 60)})`, hint: ADD_CA }
  }
}

const ADD_CA = "Add the issuer's certificate (PEM) to trust.ca in the settings, or to the trust store of this machine."

function namesOf(certificate: Partial<PeerCertificate>): string {
  const names =
    certificate.subjectaltname?.replace(/\b(?:DNS|IP Address):/g, '') || subject(certificate.subject) || 'no name'
  return cleanText(names, NAMES_SHOWN)
}

function issuerOf(certificate: Partial<PeerCertificate>): string {
  return subject(certificate.issuer) || 'unnamed'
}

function subject(name: PeerCertificate['subject'] | undefined): string {
  // A field that is repeated in the certificate comes as an array.
  return cleanText(String(name?.CN ?? name?.O ?? ''), NAMES_SHOWN)
}

/** OpenSSL's `Nov 23 18:20:25 2026 GMT` as `2026-11-23`. */
function day(text: string | undefined): string {
  const date = new Date(text ?? '')
  return Number.isNaN(date.getTime()) ? 'an unknown date' : date.toISOString().slice(0, 10)
}
