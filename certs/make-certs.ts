import 'reflect-metadata'
import type { webcrypto } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import * as x509 from '@peculiar/x509'

/** A certificate and its key, both PEM, ready for `tls.createServer`. */
export interface CertificateAndKey {
  readonly cert: string
  readonly key: string
}

export interface LeafOptions {
  /** DNS names and IP addresses, as the certificate shall list them. The first is also the common name. */
  readonly names: readonly string[]
  /** Default: an hour ago. */
  readonly notBefore?: Date
  /** Default: in seven days; long enough for a working day with suspended laptops, short enough to be worthless if it leaks. */
  readonly notAfter?: Date
}

/** A certificate authority that exists for one test run and never leaves memory unless asked to. */
export interface TestAuthority {
  readonly cert: string
  issue(options: LeafOptions): Promise<CertificateAndKey>
}

const HOUR_MS = 3_600_000
const LIFETIME_MS = 7 * 24 * HOUR_MS
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** Makes a fresh authority. Two authorities never trust each other, which is how "unknown issuer" is tested. */
export async function makeAuthority(name = 'Fairlead test CA'): Promise<TestAuthority> {
  const keys = await generateKeys()
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    serialNumber: randomSerial(),
    notBefore: new Date(Date.now() - HOUR_MS),
    notAfter: new Date(Date.now() + LIFETIME_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return {
    cert: pem(root),
    async issue({ names, notBefore, notAfter }) {
      const leafKeys = await generateKeys()
      const leaf = await x509.X509CertificateGenerator.create({
        subject: `CN=${names[0] ?? 'nameless'}`,
        issuer: root.subject,
        serialNumber: randomSerial(),
        notBefore: notBefore ?? new Date(Date.now() - HOUR_MS),
        notAfter: notAfter ?? new Date(Date.now() + LIFETIME_MS),
        signingAlgorithm: ALGORITHM,
        publicKey: leafKeys.publicKey,
        signingKey: keys.privateKey,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
          new x509.SubjectAlternativeNameExtension(
            names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
          ),
          await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
        ],
      })
      return { cert: pem(leaf), key: await privateKeyPem(leafKeys.privateKey) }
    },
  }
}

/** Writes `ca.pem`, `NAME.pem` and `NAME.key` into `directory`, for programs that want files. */
export async function writeCerts(directory: string, name: string, names: readonly string[]): Promise<void> {
  const authority = await makeAuthority()
  const leaf = await authority.issue({ names })
  await mkdir(directory, { recursive: true })
  await writeFile(path.join(directory, 'ca.pem'), authority.cert)
  await writeFile(path.join(directory, `${name}.pem`), leaf.cert)
  await writeFile(path.join(directory, `${name}.key`), leaf.key, { mode: 0o600 })
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return (await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair
}

/** 64 random bits, the first bit clear: a serial number is a positive integer (RFC 5280 §4.1.2.2). */
function randomSerial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8))
  bytes[0] = (bytes[0]! & 0x7f) | 0x40
  return Buffer.from(bytes).toString('hex')
}

/** Ends in a newline, so that certificates can be joined to a bundle. */
function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem').trimEnd()}\n`
}

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', key)).toString('base64')
  return `-----BEGIN PRIVATE KEY-----\n${der.replace(/.{64}/g, '$&\n').trimEnd()}\n-----END PRIVATE KEY-----\n`
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const names = process.argv.slice(2)
  const directory = path.join(import.meta.dirname, 'out')
  await writeCerts(directory, 'gateway', names.length > 0 ? names : ['localhost', '127.0.0.1', '::1'])
  process.stdout.write(`ca.pem, gateway.pem and gateway.key are in ${path.relative(process.cwd(), directory)}\n`)
}
