import { startOfLine } from './script-lines.ts'
import { withoutWords } from './script-words.ts'

interface Throw {
  readonly line: number
  readonly column: number
  /** The text that is thrown, or begins what is thrown. */
  readonly says: string | undefined
}

/** Statements that are looked at; with more, nobody can tell which was meant. */
const MOST = 20

/** A script throws texts of its own under no such name; and one of the library's. */
const NOT_THROWN_BY_SCRIPT = /^(?:\w*Error\b|timeRange: )/

/**
 * Where a value was thrown that is no `Error`: QuickJS tells no place. It is that of the one `throw` that can be meant: the only one of this text, or the only one
 * of anything but a text and a new object. Undefined where several can.
 */
export function placeOfThrown(script: string, message: string): { line: number; column: number } | undefined {
  if (NOT_THROWN_BY_SCRIPT.test(message)) return undefined
  const found = throwsIn(script)
  const same = found.filter(({ says }) => says !== undefined && says !== '' && message.startsWith(says))
  const other = found.filter(({ says }) => says === undefined)
  const [meant, ...more] = same.length > 0 ? same : other
  return meant && more.length === 0 ? { line: meant.line, column: meant.column } : undefined
}

/** Of the scripts that failed of late: one that fails, fails often. */
let known: readonly { readonly script: string; readonly found: readonly Throw[] }[] = []
const MAX_KNOWN = 4

function throwsIn(script: string): readonly Throw[] {
  const before = known.find((one) => one.script === script)
  if (before) return before.found
  const found = searched(script)
  known = [{ script, found }, ...known].slice(0, MAX_KNOWN)
  return found
}

function searched(script: string): Throw[] {
  const found: Throw[] = []
  let looked = 0
  for (let at = script.indexOf('throw'); at >= 0; at = script.indexOf('throw', at + 1)) {
    if (++looked > MOST) return []
    const statement = /^throw\b(?!\s+new\b)\s*(?:(["'])((?:(?!\1)[^\\\n\r])*)\1)?/.exec(script.slice(at, at + 300))
    if (statement && isCode(script, at)) found.push({ ...placeAt(script, at), says: statement[2] })
  }
  return found
}

/** Not within a word, a comment, or a text in quotes, as far as its line and the comments before it tell. */
function isCode(script: string, at: number): boolean {
  if (at > 0 && /[\w$.]/.test(script[at - 1] ?? '')) return false
  if (script.lastIndexOf('/*', at) > script.lastIndexOf('*/', at)) return false
  const line = script.slice(Math.max(0, at - 2_000), at + 'throw'.length)
  const start = Math.max(line.lastIndexOf('\n'), line.lastIndexOf('\r')) + 1
  return withoutWords(line.slice(start)).bare.endsWith('throw')
}

function placeAt(script: string, at: number): { line: number; column: number } {
  // As `startOfLine` counts.
  const line = script.slice(0, at).split(/\r\n|[\n\r\u2028\u2029]/).length
  return { line, column: at - (startOfLine(script, line) ?? 0) + 1 }
}
