import { type Document, isAlias, isMap, isScalar, type Node, visit } from 'yaml'
import { formatKey } from '../key-path.ts'
import type { Fault } from './syntax-faults.ts'

/** What is good YAML and yet no settings: keys given twice, aliases of nothing, merge keys, values without text. */
export function structureFaults(document: Document): Fault[] {
  const faults: Fault[] = []
  const anchors = new Set<string>()
  visit(document, {
    Node(_key, node) {
      if (isAlias(node)) {
        if (!anchors.has(node.source)) faults.push({ offset: offsetOf(node), ...NO_ANCHOR })
        return
      }
      if (node.anchor) anchors.add(node.anchor)
      if (isMap(node)) faults.push(...keyFaults(node.items.map((item) => item.key)))
    },
  })
  return faults
}

function keyFaults(keys: readonly unknown[]): Fault[] {
  const faults: Fault[] = []
  const seen = new Set<string>()
  for (const node of keys) {
    if (!isScalar(node)) continue
    const offset = offsetOf(node)
    const key = String(node.value)
    if (key === '<<') {
      faults.push({ offset, message: 'the merge key “<<” is not part of YAML 1.2', expected: 'the keys themselves' })
    } else if (key === '__proto__') {
      faults.push({ offset, message: 'this cannot be a key', expected: 'another name' })
    } else if (seen.has(key)) {
      faults.push({
        offset,
        message: `the key “${formatKey(key)}” is given twice`,
        expected: 'each key once',
        hint: 'Remove one of the two, or make their values one.',
      })
    }
    seen.add(key)
  }
  return faults
}

const NO_ANCHOR = {
  message: 'a value that begins with * is a YAML alias, and there is no anchor of this name',
  expected: 'text in quotes, such as "*.corp.example"',
  hint: 'Put the value in quotes.',
}

function offsetOf(node: Node): number {
  return node.range?.[0] ?? 0
}
