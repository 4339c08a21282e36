import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type Pair } from 'yaml'
import type { KeyPath } from '../key-path.ts'

export interface Located {
  readonly node: Node | undefined
  readonly offset: number
  /** As much of the path as the document has. */
  readonly path: KeyPath
}

/**
 * The node at a path. Where the file has a shorthand (one value for a list, a text for a group of keys) the path goes further than the file,
 * and the shorthand is what is meant.
 */
export function locateNode(document: Document, path: KeyPath, wantKey: boolean): Located {
  let node = document.contents as Node | null | undefined
  let offset = node?.range?.[0] ?? 0
  const taken: PropertyKey[] = []
  for (const [depth, key] of path.entries()) {
    const inner = isAlias(node) ? node.resolve(document) : node
    if (isMap(inner)) {
      const pair = inner.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key)) as
        | Pair<Node, Node>
        | undefined
      if (!pair) {
        // A list of one may stand without its dash, but a key that is missing is missing.
        if (key === 0) continue
        break
      }
      taken.push(key)
      const isLast = depth === path.length - 1
      offset = (isLast && wantKey ? pair.key : (pair.value ?? pair.key))?.range?.[0] ?? offset
      node = isLast && wantKey ? pair.key : pair.value
    } else if (isSeq(inner) && typeof key === 'number') {
      const item = inner.items[key] as Node | undefined
      if (!item) break
      taken.push(key)
      node = item
      offset = item.range?.[0] ?? offset
    }
  }
  return { node: node ?? undefined, offset, path: taken }
}

/** How far from the start of a node the n-th character of its text stands; 0 where escapes or line breaks make that unclear. */
export function charactersInto(node: Node | undefined, text: string, count: number): number {
  if (!isScalar(node) || typeof node.value !== 'string' || !node.range) return 0
  const written = text.slice(node.range[0], node.range[1])
  if (written === node.value) return count
  return written.slice(1, -1) === node.value ? count + 1 : 0
}
