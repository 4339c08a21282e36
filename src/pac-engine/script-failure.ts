import { GatewayError } from '../contracts/gateway-error.ts'
import type { PacTrace } from '../contracts/pac.ts'
import { placeWithin, startOfLine } from './script-lines.ts'
import { withoutWords } from './script-words.ts'
import { placeOfThrown } from './thrown-place.ts'
import type { Failure, FailureKind } from './vm-outcome.ts'

const WHAT: Record<FailureKind, string> = {
  threw: 'threw an exception',
  'not-a-string': 'answered no string',
  'too-long': 'gave an answer that is too long',
  'not-ascii': 'answered with characters outside ASCII',
  time: 'ran too long',
  turn: 'waited too long for its turn',
  memory: 'used too much memory',
  crashed: 'could not be run to its end',
}

const HINT: Record<FailureKind, string> = {
  threw: 'Correct the PAC script; `fairlead pac eval --trace` shows what it did until then.',
  'not-a-string': 'FindProxyForURL must return a string such as "PROXY proxy.example:3128; DIRECT" on every path.',
  'too-long': 'An answer is a short list of proxies.',
  'not-ascii': 'Write host names as A-labels (xn--…).',
  time: 'Look for a loop that does not end, or a regular expression that backtracks.',
  turn: 'Other evaluations of the script take too long; look for a loop that does not end, or a regular expression that backtracks.',
  memory: 'Look for a loop that collects without end.',
  crashed: 'Look for recursion without end, or deeper than some 2,000 calls (400 with callbacks).',
}

const STARVED_HINT = 'The machine is busy, or other evaluations of the script take too long.'

/** Characters of the offending source line that are shown, and that are looked at for it: it may be indented. */
const MAX_LINE = 160
const MAX_LINE_READ = 2_000
const LINE_BREAK = /[\n\r\u2028\u2029]/

/** Characters from the place that was given in which a mention is looked for. The script may be a MiB, and fail at every request. */
const MAX_SEARCHED = 10_000

/** A script's failure, for people: what, where, the line itself. Everything from the script is cleaned of control characters; `hide` takes out of what it said what must not be shown. */
export function scriptFailure(
  failure: Failure,
  origin: string,
  script: string,
  {
    during = 'FindProxyForURL',
    pac,
    hide = (text) => text,
  }: { readonly during?: string; readonly pac?: PacTrace; readonly hide?: (text: string) => string } = {},
): GatewayError {
  const at = placeOf(failure, script)
  const column = at?.column === undefined ? '' : `, column ${at.column}`
  const place = at ? ` at line ${at.line}${column}` : ''
  const line = at ? sourceLine(script, at.line) : undefined
  const shown = line ? `: ${line}` : ''
  // What a script throws or answers is of its own words; all else is ours.
  const own = failure.kind === 'threw' ? hide(failure.message) : failure.message
  const said = failure.answer === undefined ? own : JSON.stringify(hide(failure.answer))
  const message = `PAC ${origin}: ${during} ${WHAT[failure.kind]} (${clean(said)})${place}${shown}`
  // Whoever can make others wait must not open a way by it, as a failed script may.
  const code = failure.kind === 'turn' || failure.starved ? 'LIMIT_REACHED' : 'PAC_FAILED'
  const hint = failure.starved ? STARVED_HINT : HINT[failure.kind]
  return new GatewayError(code, message, { hint, ...(pac ? { pac } : {}) })
}

/**
 * QuickJS gives a name that is not defined, and a property that is read of null or undefined, the place of the statement before, the head of the
 * function, or none: the first mention from there on is meant.
 */
function placeOf(
  { kind, message, line, column }: Failure,
  script: string,
): { line: number; column?: number } | undefined {
  if (line === undefined) return kind === 'threw' ? placeOfThrown(script, message) : undefined
  if (column === undefined) return { line }
  const mentions = mentionsOf(message)
  const start = mentions.length === 0 ? undefined : startOfLine(script, line)
  if (start === undefined) return { line, column }
  // A place that was given is one of code: what follows can be told from texts and comments without all that is before.
  const at = start + column - 1
  const text = script.slice(at, at + MAX_SEARCHED)
  const { code, bare } = withoutWords(text)
  for (const mention of mentions) {
    const offset = (mention.source.includes(QUOTE) ? code : bare).search(mention)
    if (offset >= 0) return placeWithin(text, offset, line, column)
  }
  return { line, column }
}

/** In a pattern of what may stand in quotes, which is looked for there too. */
const QUOTE = '["\'`]'

/** What stands at the place, likeliest first. Blanks are counted: a script may consist of them, and a search for any number takes their square. */
function mentionsOf(message: string): RegExp[] {
  const missing = /^ReferenceError: '?([\w$]{1,100})'? is not (?:defined|initialized)/.exec(message)?.[1]
  if (missing !== undefined) return [new RegExp(`(?<![\\w$.])${escaped(missing)}(?![\\w$])`)]
  const property = /^TypeError: cannot read property '([^']{1,100})' of (?:null|undefined)/.exec(message)?.[1]
  if (property === undefined) return []
  if (property === 'Symbol.iterator') return [/(?<=\bof\s{1,8})[\w$]/, /\.\.\./, /\[/]
  const name = escaped(property)
  return [
    new RegExp(`(?<=\\.\\s{0,8})${name}(?![\\w$])`),
    new RegExp(`(?<=\\[\\s{0,8}${QUOTE}?)${name}(?=${QUOTE}?\\s{0,8}\\])`),
    // Taken apart: `var { name } = …`.
    new RegExp(`(?<=[{,]\\s{0,8})${name}(?=\\s{0,8}[,:=}])`),
    // Under a name that is put together.
    /(?<=[\w$)\]]\[)./,
  ]
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}

function sourceLine(script: string, number: number): string | undefined {
  const start = startOfLine(script, number)
  if (start === undefined) return undefined
  const [read = ''] = script.slice(start, start + MAX_LINE_READ).split(LINE_BREAK, 1)
  const line = read.trim()
  return clean(line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)}…` : line)
}

export function clean(text: string): string {
  return text.replace(/[\0-\x1f\x7f-\x9f]/g, ' ')
}

export function tooManyNames(origin: string, most: number): GatewayError {
  return new GatewayError('PAC_FAILED', `PAC ${origin} looks up more than ${most} names`, {
    hint: 'Decide by name with dnsDomainIs or shExpMatch where it is possible.',
  })
}
