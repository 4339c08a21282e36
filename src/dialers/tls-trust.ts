import { readFileSync } from 'node:fs'
import tls from 'node:tls'

/** Where distributions keep the bundle of authorities that the machine's owner trusts: the list Go programs read, in Go's order. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
]

/**
 * What HTTPS proxies' certificates are checked against: the machine's own authorities (a company's CA is usually among them, and one
 * that was removed stays removed), or Node's where the machine has none, and besides them `extra` (PEM).
 * Parsing takes tens of milliseconds, so it is made when first needed and once.
 */
export function createTrust(
  extra: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): () => tls.SecureContext {
  let context: tls.SecureContext | undefined
  return () => {
    context ??= tls.createSecureContext({ ca: [...systemAuthorities(environment), ...extra] })
    return context
  }
}

function systemAuthorities(environment: NodeJS.ProcessEnv): readonly string[] {
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
