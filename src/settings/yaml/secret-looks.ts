import { lineStart } from './line-start.ts'
import { SECRET_KEY } from './secret-keys.ts'
import type { Range } from './secret-ranges.ts'

/**
 * Where secrets may stand on a line of a text that is no YAML, by its looks and by the lines above it. Hides too much rather than too little:
 * everything behind a key that names a secret, and on lines below such a key everything but the key.
 */
export function faultyLineRanges(text: string, start: number, end: number): Range[] {
  const line = text.slice(start, end)
  const named = NAMED.exec(line)
  if (named) return [[start + named.index + named[0].length, end]]
  if (!isBelowSecretKey(text, start, line)) return []
  const key = /^\s*(?:- +)?[^\s:]+:\s/.exec(line)
  return [[start + (key ? key[0].length : indentation(line)), end]]
}

/** On any line: user information in words that look like URLs, and what follows `password:` in a comment. */
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
  const comment = /(?:^|\s)#/.exec(line)
  const named = comment && NAMED.exec(line.slice(comment.index))
  if (named) ranges.push([start + comment.index + named.index + named[0].length, end])
  return ranges
}

/** A key that names a secret, in quotes or not, with its colon. */
const NAMED = new RegExp(`[\\w"'-]*(?:${SECRET_KEY.source})[\\w"'-]*\\s*:\\s*`, 'i')

/** Whether a line above that is indented less, or has left a bracket open, names a secret. */
function isBelowSecretKey(text: string, start: number, line: string): boolean {
  let depth = columnOf(line)
  let open = 0
  for (let end = start - 1; end >= 0; ) {
    const from = lineStart(text, end)
    const above = text.slice(from, end)
    end = from - 1
    if (above.trim() === '') continue
    open += (above.match(/[[{]/g)?.length ?? 0) - (above.match(/[\]}]/g)?.length ?? 0)
    const column = columnOf(above)
    if ((column < depth || open > 0) && NAMED.test(above)) return true
    depth = Math.min(depth, column)
  }
  return false
}

function indentation(line: string): number {
  return line.length - line.trimStart().length
}

/** A tab is as far in as a person would see it. */
function columnOf(line: string): number {
  return line.slice(0, indentation(line)).replace(/\t/g, ' '.repeat(8)).length
}
