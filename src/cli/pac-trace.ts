import { type Evaluation, type EvaluationRequest, hasContainerForm, type Notes, TRACE_LIMITS } from '../gateway/pac.ts'
import { parsePacResult } from '../wire/pac-result.ts'

/** How an answer came about, for a person. */
export function renderPacTrace(
  request: EvaluationRequest,
  { result, notes, loadNotes, milliseconds }: Evaluation,
): string {
  const { candidates, skipped } = parsePacResult(result)
  const ways = candidates.map(
    ({ hops }) => hops.map(({ kind, host, port }) => `${kind} ${host}:${port}`)[0] ?? 'direct',
  )
  const lines = [
    ...stepsOf(request, loadNotes, notes),
    `answer      ${JSON.stringify(result)}`,
    ...ways.map((way, index) => `${index === 0 ? 'understood ' : '           '} ${index + 1}. ${way}`),
    ...(ways.length === 0 ? ['understood  nothing usable: the script has failed for this URL'] : []),
    ...skipped.map(({ entry, reason }) => `skipped     ${JSON.stringify(entry)}: ${reason}`),
    `took        ${milliseconds.toFixed(2)} ms${notes.clock !== undefined ? ', read the clock' : ''}${notes.random ? ', used chance' : ''}`,
  ]
  return `${lines.join('\n')}\n`
}

/** What a script that failed had done until then. */
export function renderFailedPacTrace(request: EvaluationRequest, load: Notes, notes: Notes): string {
  return `${stepsOf(request, load, notes).join('\n')}\n`
}

function stepsOf({ origin, url, host }: EvaluationRequest, load: Notes, notes: Notes): string[] {
  return [
    `script      ${origin}`,
    ...notesOf('load call   ', 'load alert  ', load),
    `url         ${url}`,
    ...(hasContainerForm(url) ? ['form        as for containers: scheme://host:port, no path'] : []),
    `host        ${host}`,
    ...notesOf('call        ', 'alert       ', notes),
  ]
}

function notesOf(call: string, said: string, { calls, moreCalls, alerts, dropped }: Notes): string[] {
  const shown = calls.map(
    ([name, args, answer]) => `${call}${name}(${args.map((arg) => JSON.stringify(arg)).join(', ')}) = ${answer}`,
  )
  // The first ones, what is left out, the last ones.
  if (moreCalls > 0) shown.splice(TRACE_LIMITS.tracedCalls, 0, `${call}… ${moreCalls} more calls are not shown`)
  return [
    ...shown,
    ...alerts.map((alert) => `${said}${JSON.stringify(alert)}`),
    ...(dropped > 0 ? [`${said}… ${dropped} more alerts are not shown`] : []),
  ]
}
