import { fileURLToPath } from 'node:url'
import { found, kindOf } from './found.ts'
import { ValueError } from './value-error.ts'

/** Where a PAC script is to be had. Paths are still as written, relative to the settings file. */
export type PacLocation =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'url'; readonly url: string }

/** Characters of a script. Chromium's limit for a PAC file is 1 MiB, and so is ours. */
export const MAX_PAC_BYTES = 1024 * 1024

/** `https://…`, `http://…`, `file:///…`, or a path. An empty text is no PAC. */
export function parsePacLocation(value: unknown): PacLocation | undefined {
  if (typeof value !== 'string') throw new ValueError(`this is ${kindOf(value)}`, { expected })
  if (value === '') return undefined
  if (/[\0-\x1f\x7f]/.test(value)) {
    throw new ValueError('this holds a control character', { expected, hint: 'A script goes into embeddedPac.' })
  }
  if (/FindProxyForURL\s*\(/.test(value)) {
    throw new ValueError('this is a script', { expected, hint: 'Move the script to embeddedPac.' })
  }
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(value)?.[1]?.toLowerCase()
  if (scheme === undefined) return { kind: 'file', path: value }
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (!url) throw new ValueError(`${found(value)} is not a URL`, { expected })
  if (scheme === 'file') return { kind: 'file', path: pathOf(url, value) }
  if (scheme !== 'http' && scheme !== 'https')
    throw new ValueError(`a PAC file cannot be had over ${scheme}`, { expected })
  if (url.username !== '' || url.password !== '') {
    throw new ValueError('the URL of the PAC file holds user information', { expected: 'a URL without it' })
  }
  return { kind: 'url', url: url.href }
}

export function parsePacScript(value: unknown): string | undefined {
  if (typeof value !== 'string')
    throw new ValueError(`this is ${kindOf(value)}`, { expected: 'the text of a PAC script' })
  if (value.trim() === '') return undefined
  if (Buffer.byteLength(value) > MAX_PAC_BYTES)
    throw new ValueError('the script is too long', { expected: 'at most 1 MiB' })
  if (!value.includes('FindProxyForURL')) {
    throw new ValueError('there is no FindProxyForURL in the script', {
      expected: 'function FindProxyForURL(url, host) { … }',
      hint: 'The URL or path of a PAC file goes into pac.',
    })
  }
  return value
}

const expected = 'an http or https URL, or the path of a file'

function pathOf(url: URL, written: string): string {
  try {
    return fileURLToPath(url)
  } catch {
    throw new ValueError(`${found(written)} names no file`, { expected: 'file:///path' })
  }
}
