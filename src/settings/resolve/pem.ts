import { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { Secret } from '../../contracts/secret.ts'
import type { KeyPath } from '../key-path.ts'
import type { WrittenSettings } from '../schema.ts'
import type { PemFile, TlsDoorSettings } from '../settings.ts'
import type { ResolveContext } from './context.ts'
import { absolutePath, readReferenced, readSecret } from './read-reference.ts'

/** Bytes of a PEM file: Mozilla's whole list of authorities has about 220 KiB. */
const MAX_PEM_FILE = 1024 * 1024

type WrittenTls = WrittenSettings['listen']['tls'][number]

/** A door's certificate and key, tried out together. */
export async function readCertificate(
  { cert, key, passphrase }: WrittenTls,
  path: KeyPath,
  context: ResolveContext,
): Promise<Pick<TlsDoorSettings, 'cert' | 'key' | 'passphrase'> | undefined> {
  const certPath = [...path, 'cert']
  const keyPath = [...path, 'key']
  const certFile = await readReferenced(absolutePath(cert, certPath, context), MAX_PEM_FILE, certPath, context)
  const keyFile = await readReferenced(absolutePath(key, keyPath, context), MAX_PEM_FILE, keyPath, context)
  const secret = passphrase && (await readSecret(passphrase, [...path, 'passphrase'], context))
  if (!certFile || !keyFile || (passphrase && !secret)) return undefined
  if (!checkCertificates(certFile.text, certPath, context)) return undefined
  try {
    createSecureContext({ cert: certFile.text, key: keyFile.text, ...(secret ? { passphrase: secret.reveal() } : {}) })
  } catch (error) {
    context.problem(keyPath, { message: keyFault(error), expected: 'the private key of the certificate, in PEM' })
    return undefined
  }
  return { cert: certFile.text, key: new Secret(keyFile.text), ...(secret ? { passphrase: secret } : {}) }
}

export async function readAuthorities(paths: readonly string[], context: ResolveContext): Promise<PemFile[]> {
  const read: PemFile[] = []
  for (const [index, written] of paths.entries()) {
    const at = ['trust', 'ca', index]
    const path = absolutePath(written, at, context)
    const file = await readReferenced(path, MAX_PEM_FILE, at, context)
    if (file && checkCertificates(file.text, at, context)) read.push({ path, pem: file.text })
  }
  return read
}

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

function checkCertificates(pem: string, path: KeyPath, context: ResolveContext): boolean {
  const blocks = pem.match(BLOCK) ?? []
  if (blocks.length === 0) {
    context.problem(path, {
      message: 'there is no certificate in the file',
      expected: 'PEM: -----BEGIN CERTIFICATE-----',
    })
    return false
  }
  for (const [index, block] of blocks.entries()) {
    try {
      new X509Certificate(block)
    } catch {
      context.problem(path, {
        message: `certificate ${index + 1} in the file cannot be read`,
        expected: 'X.509 in PEM',
      })
      return false
    }
  }
  return true
}

function keyFault(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  if (code.includes('KEY_VALUES_MISMATCH')) return 'the key does not belong to the certificate'
  if (/BAD_DECRYPT|BAD_PASSWORD|INTERRUPTED_OR_CANCELLED|PROBLEMS_GETTING_PASSWORD/.test(code))
    return 'the key is encrypted, and the passphrase is missing or wrong'
  return 'the key cannot be used'
}
