import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { GatewayError } from '../contracts/gateway-error.ts'
import { decodeScript, withoutNulAtEnd } from './decode-script.ts'
import { fetchScript, type ScriptWay, type Validators } from './fetch-script.ts'
import { MAX_SCRIPT_BYTES } from './limits.ts'

export type PacSource =
  | { readonly kind: 'file'; readonly path: string }
  /** `dialer` leads there, `via` says in words by what way if not directly; `ca` is PEM, in place of the system's authorities. */
  | (Partial<ScriptWay> & {
      readonly kind: 'url'
      readonly url: string
      readonly via?: string
      readonly ca?: string
    })
  | { readonly kind: 'embedded'; readonly script: string }

/** One version of a script. */
export interface Script {
  readonly text: string
  readonly sha256: string
  /** When it was read or last confirmed, by `elapsed(clock)`; of one from a run before it may be negative. */
  readonly readAt: number
  readonly contentType?: string
  readonly validators?: Validators
}

/** Where a script comes from, for people: no credentials, no query. */
export function originOf(source: PacSource): string {
  if (source.kind === 'embedded') return 'embedded script'
  if (source.kind === 'file') return source.path
  if (!URL.canParse(source.url)) return 'unusable URL'
  const url = new URL(source.url)
  return url.protocol === 'file:' ? url.pathname : `${url.protocol}//${url.host}${url.pathname}`
}

/** Reads it, or hears that `known` still is what stands there. `now` by `elapsed(clock)`. Rejects with `GatewayError`, and when `signal` says so. */
export async function readScript(source: PacSource, now: number, signal: AbortSignal, known?: Script): Promise<Script> {
  if (source.kind === 'embedded') return scriptOf(source.script, now)
  if (source.kind === 'file') return readFrom(source.path, now, signal)
  const url = parseUrl(source.url)
  if (url.protocol === 'file:') return readFrom(fileURLToPath(url), now, signal)
  if (!source.dialer) throw new GatewayError('INTERNAL', 'a PAC URL needs a dialer that leads to it')
  const fetched = await fetchScript(url, {
    dialer: source.dialer,
    ...(source.httpProxy ? { httpProxy: source.httpProxy } : {}),
    signal,
    ...(source.ca === undefined ? {} : { ca: source.ca }),
    ...(known?.validators ? { validators: known.validators } : {}),
  })
  // Only who names a version can be told that it holds.
  if (fetched === 'unchanged') return { ...known!, readAt: now }
  const { bytes, charset, ...described } = fetched
  return { ...scriptOf(decodeScript(bytes, charset), now), ...described }
}

/** A folder of the network may keep who reads waiting for ever, and knows no signal. */
async function readFrom(path: string, now: number, signal: AbortSignal): Promise<Script> {
  let giveUp = () => {}
  const gaveUp = new Promise<never>((_, reject) => {
    giveUp = () => reject(signal.reason)
  })
  signal.addEventListener('abort', giveUp)
  try {
    signal.throwIfAborted()
    return scriptOf(decodeScript(await Promise.race([readOnce(path), gaveUp])), now)
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}

/** By path. Given up or not, each has a thread of libuv's pool until it ends: a second one in a hung folder would be one thread less for all names that are looked up. */
const reading = new Map<string, Promise<Uint8Array>>()

export function readOnce(path: string, read = readScriptFile): Promise<Uint8Array> {
  let bytes = reading.get(path)
  if (!bytes) {
    bytes = read(path).finally(() => reading.delete(path))
    reading.set(path, bytes)
  }
  return bytes
}

export function scriptOf(written: string, readAt: number): Script {
  const text = withoutNulAtEnd(written)
  if (Buffer.byteLength(text) > 2 * MAX_SCRIPT_BYTES) throw tooLarge('the PAC script')
  return { text, readAt, sha256: createHash('sha256').update(text).digest('hex') }
}

function parseUrl(text: string): URL {
  if (URL.canParse(text)) return new URL(text)
  throw new GatewayError('PAC_FAILED', 'the PAC address is no URL: expected http://, https:// or file://, or a path')
}

/**
 * Reads at most the limit, whatever the file says of its size (/dev/zero says 0), and waits for nobody: a FIFO without a writer is empty. Rejects
 * with `GatewayError` PAC_FAILED.
 */
export async function readScriptFile(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    try {
      const buffer = Buffer.alloc(MAX_SCRIPT_BYTES + 1)
      let length = 0
      while (length < buffer.length) {
        const { bytesRead } = await file.read(buffer, length, buffer.length - length)
        if (bytesRead === 0) return buffer.subarray(0, length)
        length += bytesRead
      }
      throw tooLarge(`the PAC file ${path}`)
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof GatewayError) throw error
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    throw new GatewayError('PAC_FAILED', `cannot read the PAC file ${path}: ${reason}`, { cause: error })
  }
}

function tooLarge(what: string): GatewayError {
  return new GatewayError('PAC_FAILED', `${what} is larger than ${MAX_SCRIPT_BYTES} bytes`)
}
