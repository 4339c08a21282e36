import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import tls from 'node:tls'
import { GatewayError } from '../contracts/gateway-error.ts'

/** Where distributions keep the bundle of authorities that the machine's owner trusts: the list Go programs read, in Go's order. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
]

/** The one made last. Reloads make new dialers; as long as no authority has changed they share it and its 30 ms of parsing. */
let latest: { readonly authorities: string; readonly context: tls.SecureContext } | undefined

/**
 * What HTTPS proxies' certificates are checked against: the machine's own authorities (a company's CA is usually among them, and one
 * that was removed stays removed), or Node's where the machine has none, and besides them `extra` (PEM). Read when first needed.
 */
export function createTrust(
  extra: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): () => tls.SecureContext {
  let context: tls.SecureContext | undefined
  return () => {
    context ??= parse(systemAuthorities(environment), extra)
    return context
  }
}

function parse(system: readonly string[], extra: readonly string[]): tls.SecureContext {
  const authorities = [...system, ...extra].join('\n')
  if (latest?.authorities !== authorities) {
    // OpenSSL passes over what it can't read, and the proxy's certificate would then be blamed.
    for (const pem of extra) assertCertificate(pem)
    latest = { authorities, context: tls.createSecureContext({ ca: [...system, ...extra] }) }
  }
  return latest.context
}

function assertCertificate(pem: string): void {
  try {
    new X509Certificate(pem)
  } catch (error) {
    throw new GatewayError('TLS_FAILED', 'a certificate authority in the settings is not a PEM certificate', {
      hint: 'Check the files under trust.ca: each begins with -----BEGIN CERTIFICATE-----.',
      cause: error,
    })
  }
}

/** The machine's authorities, PEM: one or more bundles. */
export function systemAuthorities(environment: NodeJS.ProcessEnv): readonly string[] {
  // SSL_CERT_FILE is OpenSSL's and Go's; NODE_EXTRA_CA_CERTS is Node's, which ignores it once `ca` is given.
  const named = environment['SSL_CERT_FILE']
  const bundles = named === undefined ? SYSTEM_BUNDLES : [named]
  const system = bundles.map(readBundle).find((bundle) => bundle !== undefined)
  const node = environment['NODE_EXTRA_CA_CERTS']
  const more = node === undefined ? undefined : readBundle(node)
  return [...(system === undefined ? tls.rootCertificates : [system]), ...(more === undefined ? [] : [more])]
}

/** Not there or not readable is an ordinary thing: other systems keep theirs elsewhere. */
function readBundle(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return undefined
  }
}
