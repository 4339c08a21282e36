import { type Document, isAlias, isMap, isScalar, isSeq, type Node } from 'yaml'
import { isSecretReference } from '../values/secret-reference.ts'
import { isSecretKey } from './secret-keys.ts'

/** From and up to (not with) a character of the text. */
export type Range = readonly [from: number, to: number]

/** Where in a well-formed text passwords stand, so that no excerpt shows them: values below certain keys, and user information before an `@`. */
export function secretRanges(document: Document, text: string): Range[] {
  const ranges: Range[] = []
  const walk = (node: unknown, secret: boolean): void => {
    if (isMap(node)) {
      for (const { key, value } of node.items) {
        if (isScalar(key)) ranges.push(...inKey(key, text))
        walk(value, secret || (isScalar(key) && isSecretKey(String(key.value))))
      }
    } else if (isSeq(node)) {
      for (const item of node.items) walk(item, secret)
    } else if (isScalar(node) || isAlias(node)) {
      ranges.push(...inValue(node, text, secret))
    }
  }
  walk(document.contents, false)
  return ranges
}

function inValue(node: Node & { readonly value?: unknown }, text: string, secret: boolean): Range[] {
  if (!node.range) return []
  const [from, to] = node.range
  const written = text.slice(from, to)
  if (secret) {
    const { value } = node
    const isShown = written === '' || value === 'none' || (typeof value === 'string' && isSecretReference(value))
    return isShown ? [] : [[from, to]]
  }
  const at = written.lastIndexOf('@')
  // A script or another long text is no URL.
  if (at < 0 || written.length > MAX_URL_TEXT) return []
  const scheme = written.indexOf('://')
  if (scheme >= 0 && scheme < at) return [[from + scheme + 3, from + at]]
  const colon = written.indexOf(':')
  return colon >= 0 && colon < at ? [[from, from + at]] : []
}

/** Characters; longer texts are lists or scripts and are masked word by word, as they look. */
const MAX_URL_TEXT = 10_000

/** `alice:pw` as a key is a slip for `alice: pw`. */
function inKey(node: Node, text: string): Range[] {
  if (!node.range) return []
  const [from, to] = node.range
  const colon = text.slice(from, to).indexOf(':')
  return colon < 0 ? [] : [[from + colon + 1, to]]
}
