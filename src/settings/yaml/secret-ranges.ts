import { type Document, isAlias, isMap, isScalar, isSeq, type Node } from 'yaml'
import { isSecretReference } from '../values/secret-reference.ts'

/** From and up to (not with) a character of the text. */
export type Range = readonly [from: number, to: number]

/** Where in a text passwords stand, so that no excerpt shows them: values under certain keys, and user information before an `@`. */
export function secretRanges(document: Document, text: string): Range[] {
  const ranges: Range[] = []
  const walk = (node: unknown, secret: boolean): void => {
    if (isMap(node)) {
      for (const { key, value } of node.items) {
        const name = isScalar(key) ? String(key.value) : ''
        if (isScalar(key)) ranges.push(...inKey(key, text))
        walk(value, secret || SECRET_KEYS.has(name))
      }
    } else if (isSeq(node)) {
      for (const item of node.items) walk(item, secret)
    } else if (isScalar(node) && !isAlias(node)) {
      const range = inValue(node, text, secret)
      if (range) ranges.push(range)
    }
  }
  walk(document.contents, false)
  return ranges
}

/** Everything below these is taken for a secret, but for references to one and the word `none`. */
const SECRET_KEYS = new Set(['auth', 'users', 'password', 'passphrase', 'username'])

function inValue(node: Node & { readonly value?: unknown }, text: string, secret: boolean): Range | undefined {
  if (!node.range) return undefined
  const [from, to] = node.range
  const written = text.slice(from, to)
  if (secret) {
    const value = typeof node.value === 'string' ? node.value : ''
    return written === '' || value === 'none' || isSecretReference(value) ? undefined : [from, to]
  }
  const at = written.lastIndexOf('@')
  // A script or another long text is no URL; of URLs, several may stand in one text.
  if (at < 0 || written.length > MAX_URL_TEXT) return undefined
  const scheme = written.indexOf('://')
  if (scheme >= 0 && scheme < at) return [from + scheme + 3, from + at]
  const colon = written.indexOf(':')
  return colon >= 0 && colon < at ? [from, from + at] : undefined
}

/** Characters; longer texts are lists or scripts and are masked word by word. */
const MAX_URL_TEXT = 10_000

/** `alice:pw` as a key is a slip for `alice: pw`. */
function inKey(node: Node, text: string): Range[] {
  if (!node.range) return []
  const [from, to] = node.range
  const colon = text.slice(from, to).indexOf(':')
  return colon < 0 ? [] : [[from + colon + 1, to]]
}
