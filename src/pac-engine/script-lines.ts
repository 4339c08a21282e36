/** What ends a line besides LF and CR (ECMA-262 §12.3). A CR and LF are one. */
const [LS, PS] = ['\u2028', '\u2029'] as const

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

function searched(script: string, line: number): number | undefined {
  const found = followed(script, line, script.length)
  return found.line === line ? found.start : undefined
}

/** The line, counted from 1, and column of a place. */
export function placeAt(script: string, at: number): { line: number; column: number } {
  const { line, start } = followed(script, Number.POSITIVE_INFINITY, at)
  return { line, column: at - start + 1 }
}

/** The line with that number, or the one that `most` is in if that comes first. Each kind of break is looked for by itself: that takes a tenth of what a regular expression does. */
function followed(script: string, line: number, most: number): { line: number; start: number } {
  let [number, start] = [1, 0]
  let [lf, cr, ls, ps] = [from(script, '\n', 0), from(script, '\r', 0), from(script, LS, 0), from(script, PS, 0)]
  for (; number < line; number++) {
    const end = Math.min(lf, cr, ls, ps)
    if (end >= most) break
    start = end + (end === cr && lf === cr + 1 ? 2 : 1)
    if (lf < start) lf = from(script, '\n', start)
    if (cr < start) cr = from(script, '\r', start)
    if (ls < start) ls = from(script, LS, start)
    if (ps < start) ps = from(script, PS, start)
  }
  return { line: number, start }
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
