import { placeAt } from './script-lines.ts'
import { withoutWords } from './script-words.ts'

/** A statement that may throw what is no `Error`. */
interface Throw {
  readonly at: number
  /** What is thrown: this text, one that begins with it, a new object, or anything else. */
  readonly what: 'text' | 'begun' | 'new' | 'other'
  readonly says: string
  /** Once it was asked for: counting the lines of a MiB takes a millisecond or more. */
  place?: { readonly line: number; readonly column: number }
}

/** Statements that are looked at; with more, nobody can tell which was meant. */
const MOST = 20

/** A script throws texts of its own under no such name; and one of the library's. */
const NOT_THROWN_BY_SCRIPT = /^(?:\w*Error\b|timeRange: )/

/**
 * Where a value was thrown that is no `Error`: QuickJS tells no place. It is that of the one `throw` that can be meant: the only one of just this text, or, where nothing
 * else is thrown but texts, the only one that begins so; or the only one of all that throws no text. Undefined where several can: no place is better than a wrong one.
 */
export function placeOfThrown(script: string, message: string): { line: number; column: number } | undefined {
  if (NOT_THROWN_BY_SCRIPT.test(message)) return undefined
  const found = throwsIn(script)
  const meant = meantOf(found, message)
  if (!meant) return undefined
  meant.place ??= placeAt(script, meant.at)
  return meant.place
}

function meantOf(found: readonly Throw[], message: string): Throw | undefined {
  const same = found.filter(({ what, says }) => what === 'text' && isSaid(says, message))
  if (same.length > 0) return only(same)
  const begun = found.filter(({ what, says }) => what === 'begun' && message.startsWith(says))
  const rest = found.filter(({ what }) => what === 'other' || what === 'new')
  const meant = only([...begun, ...rest])
  // Whether a new object is an `Error`, which has a place, is not known: it is in doubt whether that was meant.
  return meant?.what === 'new' ? undefined : meant
}

function only<T>(list: readonly T[]): T | undefined {
  return list.length === 1 ? list[0] : undefined
}

/** The message may be cut off. */
function isSaid(text: string, message: string): boolean {
  return message === text || (message.endsWith('…') && text.startsWith(message.slice(0, -1)))
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

/** Characters of a line that are looked at, to each side. */
const LINE = 2_000
/** Signs of a comment that are looked at between one `throw` and the next. */
const MOST_BEGUN = 50

/** A text in quotes that has no escapes, and the character behind it. An `Error` has its place. */
const STATEMENT = /^throw\b(?!\s+new\s+\w*Error\b)\s*(?:(new)\b|(["'])((?:(?!\2)[^\\\n\r])*)\2\s*([\s\S]?))?/
/** Behind a text: it is a part of what is thrown. */
const GOES_ON = /[.,?([*%<>=&|^-]/

function searched(script: string): Throw[] {
  const found: Throw[] = []
  const comments = { from: 0, inside: false }
  let looked = 0
  for (let at = script.indexOf('throw'); at >= 0; at = script.indexOf('throw', at + 1)) {
    if (++looked > MOST) return []
    const inComment = followComments(script, comments, at)
    const statement = STATEMENT.exec(script.slice(at, at + 300))
    if (!statement || inComment || !isCode(script, at)) continue
    const [, isNew, , says = '', next = ''] = statement
    const what = isNew ? 'new' : says === '' || GOES_ON.test(next) ? 'other' : next === '+' ? 'begun' : 'text'
    found.push({ at, what, says })
  }
  return found
}

/** Whether `at` is within a comment of several lines, as far as these can be told without all that is before; each piece of script is looked at once. */
function followComments(script: string, state: { from: number; inside: boolean }, at: number): boolean {
  const piece = script.slice(state.from, at)
  const [begin, end] = [lastBegun(script, state.from, piece), piece.lastIndexOf('*/')]
  if (begin >= 0 || end >= 0) state.inside = begin > end
  state.from = at
  return state.inside
}

/** Where in a piece the last comment begins; -1: none does. In a text such as `"http://*"` none begins. */
function lastBegun(script: string, from: number, piece: string): number {
  let begin = piece.lastIndexOf('/*')
  for (let looked = 0; begin >= 0 && looked < MOST_BEGUN && isInText(script, from + begin); looked++)
    begin = begin === 0 ? -1 : piece.lastIndexOf('/*', begin - 1)
  return begin
}

/** As far as its line tells. */
function isInText(script: string, at: number): boolean {
  const before = script.slice(Math.max(0, at - LINE), at)
  const start = Math.max(before.lastIndexOf('\n'), before.lastIndexOf('\r')) + 1
  const [behind = ''] = /^[^\n\r]*/.exec(script.slice(at, at + LINE)) ?? []
  return withoutWords(before.slice(start) + behind).code.startsWith('/*', before.length - start)
}

/** Not within a word, or a text in quotes, as far as its line tells. */
function isCode(script: string, at: number): boolean {
  if (at > 0 && /[\w$.]/.test(script[at - 1] ?? '')) return false
  const line = script.slice(Math.max(0, at - LINE), at + 'throw'.length)
  const start = Math.max(line.lastIndexOf('\n'), line.lastIndexOf('\r')) + 1
  return withoutWords(line.slice(start)).bare.endsWith('throw')
}
