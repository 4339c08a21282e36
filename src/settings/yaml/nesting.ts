import type { Fault } from './syntax-faults.ts'

/**
 * Looks for nesting that no settings file has, before the YAML library sees the text: its parser calls itself for every level, and when the
 * stack is full in the midst of compiling a regular expression, V8 ends the process instead of throwing. Counts brackets without minding
 * quotes, so it may count too many, which the limit allows for.
 */
export function nestingFault(text: string): Fault | undefined {
  let depth = 0
  for (const { 0: match, index } of text.matchAll(/[[{]|[\]}]|^ {400}|(?:[-?] +){50}/gm)) {
    if (match === '[' || match === '{') depth++
    else if (match === ']' || match === '}') depth = Math.max(0, depth - 1)
    else return tooDeep(index)
    if (depth > MAX_OPEN_BRACKETS) return tooDeep(index)
  }
  return undefined
}

/** Brackets open at once. Settings need about six; scripts in `embeddedPac` with brackets in their strings a few more. */
const MAX_OPEN_BRACKETS = 500

function tooDeep(offset: number): Fault {
  return { offset, message: 'this is nested too deeply', expected: 'a few levels' }
}
