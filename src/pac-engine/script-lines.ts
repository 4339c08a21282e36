/** What ends a line (ECMA-262 §12.3), a CR and LF as one. */
const BREAKS = ['\n', '\r', '\u2028', '\u2029'] as const

/** Where a line was found of late: a script that fails, fails often, and mostly in the same place. The newest stands first. */
let found: readonly { readonly script: string; readonly line: number; readonly at: number }[] = []
const MAX_FOUND = 8

/** Where a line begins, counted from 1; undefined where the script has fewer. */
export function startOfLine(script: string, line: number): number | undefined {
  const known = found.find((one) => one.line === line && one.script === script)
  if (known) return known.at
  const at = searched(script, line)
  if (at !== undefined) found = [{ script, line, at }, ...found].slice(0, MAX_FOUND)
  return at
}

/** Each kind of break is looked for by itself: that takes a tenth of what a regular expression does. */
function searched(script: string, line: number): number | undefined {
  const next = BREAKS.map((kind) => from(script, kind, 0))
  let at = 0
  for (let number = 1; number < line; number++) {
    const end = Math.min(next[0]!, next[1]!, next[2]!, next[3]!)
    if (end === script.length) return undefined
    at = end + (script[end] === '\r' && script[end + 1] === '\n' ? 2 : 1)
    for (let i = 0; i < BREAKS.length; i++) if (next[i]! < at) next[i] = from(script, BREAKS[i]!, at)
  }
  return at
}

function from(script: string, kind: string, at: number): number {
  const place = script.indexOf(kind, at)
  return place < 0 ? script.length : place
}

const BREAK = /\r\n|[\n\r\u2028\u2029]/g

/** The line, counted from 1, and column of what stands `offset` characters behind the beginning of a text that begins there itself. */
export function placeWithin(
  text: string,
  offset: number,
  line: number,
  column: number,
): { line: number; column: number } {
  const before = text.slice(0, offset)
  let [breaks, lastEnd] = [0, 0]
  for (const one of before.matchAll(BREAK)) {
    breaks++
    lastEnd = one.index + one[0].length
  }
  return breaks === 0 ? { line, column: column + offset } : { line: line + breaks, column: offset - lastEnd + 1 }
}
