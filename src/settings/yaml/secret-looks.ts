import type { z } from 'zod'
import { queriesIn } from '../../wire/mask-user-info.ts'
import { aboutOf, keysOf, schemaAt } from '../about.ts'
import { settingsSchema } from '../schema.ts'
import { lineStart } from './line-start.ts'
import type { Range } from './secret-ranges.ts'

/**
 * What must not be shown of a line of a text that is no YAML, by its looks and by the lines above it. Hides too much rather than too little:
 * everything but keys that the schema knows, and the values of those that hold no secret.
 */
export function faultyLineRanges(text: string, start: number, end: number): Range[] {
  const line = text.slice(start, end)
  const from = /^\s*(?:- +)*[[{]?\s*/.exec(line)?.[0].length ?? 0
  const ranges = greedyUserInfo(line)
  const isBelowSecret = areAbove(text, start, line, (key) => !SHOWN_KEYS.has(key))
  const keys = [...line.slice(from).matchAll(KEY)]
  if (keys.length === 0 || keys[0]!.index > 0) {
    // Below a group it can be no value, but a key that lacks its colon: `password hunter2`.
    const isOfKnown = !isBelowSecret && areAbove(text, start, line, (key) => VALUE_KEYS.has(key))
    const word = /^["']?([\w-]+)/.exec(line.slice(from))
    const shown = word && ALL_KEYS.has(word[1]!) ? word[0].length : 0
    if (!isOfKnown) ranges.push([from + shown, line.length])
  }
  for (const key of keys) {
    if (!isBelowSecret && SHOWN_KEYS.has(key[1]!)) continue
    ranges.push([from + key.index + key[0].length, line.length])
    break
  }
  return ranges.map(([a, b]) => [start + a, start + b])
}

/** On any line: user information and queries in words that look like URLs, and comments, which may hold anything. */
export function lookRanges(text: string, start: number, end: number): Range[] {
  const line = text.slice(start, end)
  const ranges: Range[] = []
  for (const { 0: word, index } of line.matchAll(/[^\s"'`<>]+/g)) {
    const at = word.lastIndexOf('@')
    const colon = word.indexOf(':')
    if (colon < 0 || at < colon) continue
    const scheme = word.indexOf('://')
    ranges.push([start + index + (scheme >= 0 && scheme < at ? scheme + 3 : 0), start + index + at])
  }
  for (const [from, to] of queriesIn(line)) ranges.push([start + from, start + to])
  const comment = /(?:^|\s)# */.exec(line)
  if (comment) ranges.push([start + comment.index + comment[0].length, end])
  return ranges
}

const KEY = /["']?([\w-]+)["']?\s*:(?=\s|$)\s*/g

const { all: ALL_KEYS, shown: SHOWN_KEYS, values: VALUE_KEYS } = knownKeys()

/** Keys of the schema; shown are those below which no secret can stand, and values are those of them that are a group nowhere. */
function knownKeys(): Readonly<Record<'all' | 'shown' | 'values', ReadonlySet<string>>> {
  const all = new Set<string>()
  const groups = new Set<string>()
  const secret = new Set(['auth', 'users', 'upstreams'])
  const collect = (schema: z.ZodType): void => {
    for (const [key, inner] of Object.entries(keysOf(schemaAt(schema, [0]) ?? schema) ?? {})) {
      all.add(key)
      if (aboutOf(inner)?.hides === 'secret') secret.add(key)
      if (keysOf(schemaAt(inner, [0]) ?? inner)) groups.add(key)
      collect(inner)
    }
  }
  collect(settingsSchema)
  const shown = new Set([...all].filter((key) => !secret.has(key)))
  return { all, shown, values: new Set([...shown].filter((key) => !groups.has(key))) }
}

/** The password in the URL of a proxy may have blanks and colons: up to the last `@` of the line, or to its end where the `@` is lost. */
function greedyUserInfo(line: string): Range[] {
  const at = line.lastIndexOf('@')
  const scheme = line.indexOf('://')
  if (scheme < 0) return []
  if (at > scheme) return [[scheme + 3, at]]
  return /:(?!\d|\/\/)/.test(line.slice(scheme + 3)) ? [[scheme + 3, line.length]] : []
}

/** Whether one of the lines above that are indented less, or have left a bracket open, has a key of this kind. */
function areAbove(text: string, start: number, line: string, isKind: (key: string) => boolean): boolean {
  let depth = columnOf(line)
  let open = 0
  for (let end = start - 1; end >= 0; ) {
    const from = lineStart(text, end)
    const above = text.slice(from, end)
    end = from - 1
    if (above.trim() === '') continue
    open += (above.match(/[[{]/g)?.length ?? 0) - (above.match(/[\]}]/g)?.length ?? 0)
    const column = columnOf(above)
    if (column < depth || open > 0) {
      const keys = [...above.matchAll(KEY)]
      if (keys.length === 0 ? isKind('') : keys.some((key) => isKind(key[1]!))) return true
    }
    depth = Math.min(depth, column)
  }
  return false
}

/** How far in a line is; a tab as far as a person would see it. */
function columnOf(line: string): number {
  const indentation = line.slice(0, line.length - line.trimStart().length)
  return indentation.replace(/\t/g, ' '.repeat(8)).length
}
