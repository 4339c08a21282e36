import { GatewayError } from '../contracts/gateway-error.ts'
import type { Failure, FailureKind } from './vm-outcome.ts'

const WHAT: Record<FailureKind, string> = {
  threw: 'threw an exception',
  'not-a-string': 'answered no string',
  'too-long': 'gave an answer that is too long',
  'not-ascii': 'answered with characters outside ASCII',
  time: 'ran too long',
  memory: 'used too much memory',
  crashed: 'could not be run to its end',
}

const HINT: Record<FailureKind, string> = {
  threw: 'Correct the PAC script; `fairlead pac eval --trace` shows what it did until then.',
  'not-a-string': 'FindProxyForURL must return a string such as "PROXY proxy.example:3128; DIRECT" on every path.',
  'too-long': 'An answer is a short list of proxies.',
  'not-ascii': 'Write host names as A-labels (xn--…).',
  time: 'Look for a loop that does not end, or a regular expression that backtracks.',
  memory: 'Look for a loop that collects without end.',
  crashed: 'Look for recursion without end.',
}

/** Characters of the offending source line that are shown. */
const MAX_LINE = 160

/** A script's failure, for people: what, where, the line itself. Everything from the script is cleaned of control characters. */
export function scriptFailure(
  failure: Failure,
  origin: string,
  script: string,
  during = 'FindProxyForURL',
): GatewayError {
  const place = failure.line === undefined ? '' : ` at line ${failure.line}, column ${failure.column}`
  const line = failure.line === undefined ? undefined : sourceLine(script, failure.line)
  const shown = line === undefined ? '' : `: ${line}`
  const message = `PAC ${origin}: ${during} ${WHAT[failure.kind]} (${clean(failure.message)})${place}${shown}`
  return new GatewayError('PAC_FAILED', message, { hint: HINT[failure.kind] })
}

function sourceLine(script: string, number: number): string | undefined {
  const line = script.split(/\r\n|[\n\r\u2028\u2029]/)[number - 1]?.trim()
  if (line === undefined) return undefined
  return clean(line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)}…` : line)
}

export function clean(text: string): string {
  return text.replace(/[\0-\x1f\x7f-\x9f]/g, ' ')
}
