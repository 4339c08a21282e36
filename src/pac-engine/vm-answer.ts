import type { JSException } from 'quickjs-wasi'
import type { PacLimits } from './limits.ts'
import { clean } from './script-failure.ts'
import { type Failure, NO_NOTES, type Notes, type VmOutcome } from './vm-outcome.ts'

/**
 * What left the VM of one evaluation, understood: `=answer`, or a letter and JSON (`library/find.ts`). What the script can have tampered with is read as
 * what it should be and no longer than it may be, or not at all: a script can make the VM's own limits ineffective. Throws on JSON that is none.
 */
export function readAnswer(packed: string, clock: number | undefined, limits: PacLimits, ms: number): VmOutcome {
  const body = packed.slice(1)
  if (packed[0] === '=') return asAscii(body, clock === undefined ? NO_NOTES : { ...NO_NOTES, clock }, limits, ms)
  const report: unknown = JSON.parse(body)
  const [first, second] = Array.isArray(report) ? report : []
  if (packed[0] === 'm' || packed[0] === 'M') {
    const names = (value: unknown) => texts(value, limits.dnsNames, MAX_NAME)
    return { is: 'missing', names: names(first), used: names(second) }
  }
  const notes = readNotes(second, clock, limits)
  if (packed[0] === 'r') return asAscii(String(first), notes, limits, ms)
  return { is: 'failed', failure: describe(first, limits), notes }
}

function readNotes(value: unknown, clock: number | undefined, limits: PacLimits): Notes {
  const { used, calls, alerts, moreCalls, dropped, random } = (
    typeof value === 'object' && value !== null ? value : {}
  ) as Record<string, unknown>
  const { dnsNames, tracedCalls, tracedLast } = limits
  const shown = limits.tracedChars + 1 // and the mark that it was longer
  return {
    used: texts(used, dnsNames, MAX_NAME),
    alerts: texts(alerts, limits.alerts, shown).map(clean),
    calls: (Array.isArray(calls) ? calls : []).slice(0, tracedCalls + tracedLast).map((call: unknown) => {
      const [name, args, answer]: unknown[] = Array.isArray(call) ? call : []
      return [clean(cut(name, shown)), texts(args, MAX_ARGUMENTS, shown).map(clean), clean(cut(answer, shown))] as const
    }),
    moreCalls: typeof moreCalls === 'number' ? moreCalls : 0,
    dropped: typeof dropped === 'number' ? dropped : 0,
    random: random !== false,
    clock,
  }
}

/** Arguments shown of a helper call; dateRange takes seven. */
const MAX_ARGUMENTS = 8

/** Characters of a name; RFC 1035 §2.3.4. */
const MAX_NAME = 255
/** Characters shown of an answer that is none. */
const SHOWN_OF_ANSWER = 100
/** Characters of an error's message, and of its stack. */
const MAX_MESSAGE = 2_000

function texts(value: unknown, most: number, chars: number): string[] {
  return (Array.isArray(value) ? value : []).slice(0, most).map((one) => cut(one, chars))
}

function cut(value: unknown, chars: number): string {
  return String(value).slice(0, chars)
}

export function isAscii(text: string): boolean {
  return !/[^\x01-\x7f]/.test(text)
}

function asAscii(answer: string, notes: Notes, { answerChars }: PacLimits, ms: number): VmOutcome {
  if (answer.length > answerChars) {
    const message = `${answer.length} characters, at most ${answerChars}`
    return { is: 'failed', failure: { kind: 'too-long', message }, notes }
  }
  if (isAscii(answer)) return { is: 'answer', answer, notes, ms }
  return { is: 'failed', failure: { kind: 'not-ascii', message: '', answer: cut(answer, SHOWN_OF_ANSWER) }, notes }
}

function describe(value: unknown, limits: PacLimits): Failure {
  const [kind, message = '', stack = ''] = texts(value, 3, MAX_MESSAGE)
  if (kind === 'type') return { kind: 'not-a-string', message }
  if (kind === 'nul') return { kind: 'not-ascii', message }
  if (kind === 'long') return { kind: 'too-long', message: `${message} characters, at most ${limits.answerChars}` }
  return located('threw', message, stack)
}

/** The innermost place in the user's script: `at f (proxy.pac:3:5)`. */
function located(kind: Failure['kind'], message: string, stack: string): Failure {
  const place = /proxy\.pac:(\d{1,7}):(\d{1,7})/.exec(stack)
  return place ? { kind, message, line: Number(place[1]), column: Number(place[2]) } : { kind, message }
}

/** That the module was stopped from outside, in the middle of whatever it did: at the end of the stack, or by a trap. */
export function isTrap(error: unknown): boolean {
  return error instanceof RangeError || error instanceof WebAssembly.RuntimeError
}

/** Of an error that is none of the script's: a WebAssembly trap, most often the end of the stack. */
export function crashFailure(error: unknown): Failure {
  const said = error instanceof Error ? error.message : 'unknown'
  return { kind: 'crashed', message: isTrap(error) ? 'recursion too deep' : `the VM failed: ${said}` }
}

/** Where nothing runs yet, the innermost place has no function. */
const NOT_PARSED = /^\s*at proxy\.pac:/

/** The line is right, and the column that of anything. */
function unparsed(message: string, stack: string): Failure {
  const said = message.replace(/''$/, 'the end of the script')
  const { column, ...failure } = located('threw', `SyntaxError: ${said}`, stack)
  return failure
}

/** Of what global code threw. */
export function thrownFailure(error: JSException): Failure {
  const { name, message, stack, handle } = error
  // These have no properties, so the package has nothing to say of them.
  const nothing = handle.isNull ? 'null' : handle.isUndefined ? 'undefined' : undefined
  error.dispose()
  if (nothing !== undefined) return { kind: 'threw', message: nothing }
  // The package calls everything an error that has no name.
  const isError = stack !== undefined || name !== 'Error'
  if (name === 'SyntaxError' && NOT_PARSED.test(stack ?? '')) return unparsed(message, stack ?? '')
  return located('threw', isError ? `${name}: ${message}` : message, stack ?? '')
}
