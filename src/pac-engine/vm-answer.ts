import type { PacLimits } from './limits.ts'
import { clean } from './script-failure.ts'
import { type Failure, NO_NOTES, type Notes, type VmOutcome } from './vm-outcome.ts'

/**
 * What left the VM of one evaluation, understood: `=answer`, or a letter and JSON (`library/find.ts`). What the script can have tampered with is read as
 * what it should be, or not at all. Throws on JSON that is none.
 */
export function readAnswer(packed: string, clock: boolean, limits: PacLimits, ms: number): VmOutcome {
  const body = packed.slice(1)
  if (packed[0] === '=') return asAscii(body, clock ? { ...NO_NOTES, clock } : NO_NOTES, ms)
  if (packed[0] === 'm') return { is: 'missing', names: texts(JSON.parse(body), limits.dnsNames) }
  const report: unknown = JSON.parse(body)
  const [first, second] = Array.isArray(report) ? report : []
  const notes = readNotes(second, clock, limits)
  if (packed[0] === 'r') return asAscii(String(first), notes, ms)
  return { is: 'failed', failure: describe(first, limits), notes }
}

function readNotes(value: unknown, clock: boolean, limits: PacLimits): Notes {
  const { used, calls, alerts, dropped, random } = (typeof value === 'object' && value !== null ? value : {}) as Record<
    string,
    unknown
  >
  const { dnsNames, tracedCalls } = limits
  return {
    used: texts(used, dnsNames),
    alerts: texts(alerts, limits.alerts).map(clean),
    calls: (Array.isArray(calls) ? calls : []).slice(0, tracedCalls).map((call: unknown) => {
      const [name, args, answer]: unknown[] = Array.isArray(call) ? call : []
      return [String(name), texts(args, MAX_ARGUMENTS), String(answer)] as const
    }),
    dropped: typeof dropped === 'number' ? dropped : 0,
    random: random !== false,
    clock,
  }
}

/** Arguments shown of a helper call; dateRange takes seven. */
const MAX_ARGUMENTS = 8

function texts(value: unknown, most: number): string[] {
  return (Array.isArray(value) ? value : []).slice(0, most).map(String)
}

export function isAscii(text: string): boolean {
  return !/[^\x01-\x7f]/.test(text)
}

function asAscii(answer: string, notes: Notes, ms: number): VmOutcome {
  if (isAscii(answer)) return { is: 'answer', answer, notes, ms }
  return { is: 'failed', failure: { kind: 'not-ascii', message: JSON.stringify(answer.slice(0, 100)) }, notes }
}

function describe(value: unknown, limits: PacLimits): Failure {
  const [kind, message = '', stack = ''] = texts(value, 3)
  if (kind === 'type') return { kind: 'not-a-string', message }
  if (kind === 'nul') return { kind: 'not-ascii', message }
  if (kind === 'long') return { kind: 'too-long', message: `${message} characters, at most ${limits.answerChars}` }
  return located('threw', message, stack)
}

/** The innermost place in the user's script: `at f (proxy.pac:3:5)`. */
export function located(kind: Failure['kind'], message: string, stack: string): Failure {
  const place = /proxy\.pac:(\d{1,7}):(\d{1,7})/.exec(stack)
  return place ? { kind, message, line: Number(place[1]), column: Number(place[2]) } : { kind, message }
}
