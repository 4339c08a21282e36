import { type Document, isMap, isScalar, isSeq, type Node } from 'yaml'
import { z } from 'zod'
import { aboutOf, hasShorthand, keysOf, schemaAt } from '../about.ts'
import { plainWord } from '../key-path.ts'
import { settingsSchema } from '../schema.ts'
import { isSecretReference } from '../values/secret-reference.ts'

/** From and up to (not with) a character of the text. */
export type Range = readonly [from: number, to: number]

/**
 * What of a well-formed text must not be shown. Only what the schema knows, and does not call secret, may be: below a misspelt key stands a
 * password as easily as anything.
 */
export function secretRanges(document: Document, text: string): Range[] {
  const ranges: Range[] = []
  const walk = (node: Node | null, schema: z.ZodType | undefined): void => {
    if (!node?.range) return
    if (!schema) {
      ranges.push([node.range[0], node.range[1]])
    } else if (isMap(node)) {
      for (const pair of node.items) {
        const [key, value] = [pair.key as Node | null, pair.value as Node | null]
        const name = isScalar(key) ? String(key.value) : ''
        ranges.push(...inKey(key, text))
        ranges.push(...inProperties(key, value, text))
        walk(value, schemaAt(elementOf(schema), [name]))
      }
    } else if (isSeq(node)) {
      for (const item of node.items) walk(item as Node | null, elementOf(schema))
    } else {
      ranges.push(...inScalar(node, text, scalarSchema(elementOf(schema))))
    }
  }
  walk(document.contents as Node | null, settingsSchema)
  return ranges
}

/** One of a list; of a key that takes a list or a text (`exclude`), the key's own. */
function elementOf(schema: z.ZodType): z.ZodType {
  return schemaAt(schema, [0]) ?? schema
}

/** What a single value is read as where a group may be given: the group's first key, if there is a shorthand. */
function scalarSchema(schema: z.ZodType): z.ZodType | undefined {
  const keys = keysOf(schema)
  if (keys) return hasShorthand(schema) ? Object.values(keys)[0] : undefined
  return schema instanceof z.ZodRecord ? undefined : schema
}

function inScalar(node: Node & { readonly value?: unknown }, text: string, schema: z.ZodType | undefined): Range[] {
  const [from, to] = node.range!
  const written = text.slice(from, to)
  const value = typeof node.value === 'string' ? node.value : ''
  if (written === '' || value === 'none' || isSecretReference(value)) return []
  if (!schema || aboutOf(schema)?.hides === 'secret') return [[from, to]]
  return userInfo(written, aboutOf(schema)?.hides === 'user-info').map(([start, end]) => [from + start, from + end])
}

/** Up to the last `@`; in the URL of a proxy, which may lack its `@`, also what follows a colon and is no port. */
function userInfo(written: string, isProxy: boolean): Range[] {
  const start = written.includes('://') ? written.indexOf('://') + 3 : 0
  const at = written.lastIndexOf('@')
  if (at > start && (start > 0 || written.slice(0, at).includes(':'))) return [[start, at]]
  if (!isProxy || /^["']?(?:[^:/?#]*|\[[^\]]*\])(?::\d*)?(?:[/?#][^:]*)?["']?$/.test(written.slice(start))) return []
  return [[start, written.length]]
}

/** Anchors and tags before a value: `&` and `!` may be the first letter of a password that should have stood in quotes. */
function inProperties(key: Node | null, value: Node | null, text: string): Range[] {
  if (!key?.range || !value?.range) return []
  const mark = text.slice(key.range[1], value.range[0]).search(/[&!]/)
  return mark < 0 ? [] : [[key.range[1] + mark, value.range[0]]]
}

function inKey(node: Node | null, text: string): Range[] {
  if (!node?.range) return []
  const [from, to] = node.range
  const written = text.slice(from, to)
  const quote = /^["']/.test(written) ? 1 : 0
  const shown = quote + plainWord(written.slice(quote)).length
  return shown + quote < written.length && written !== '<<' ? [[from + shown, to]] : []
}
