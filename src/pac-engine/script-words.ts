/** What a text in quotes, a comment or a regular expression may begin with. */
const BEGIN = /["'`/]/g

/** Each goes to its end, its line's or the script's, so that none fails and one pass is enough. */
const DOUBLE = /"(?:[^"\\\n\r]|\\(?:[\s\S]|$))*(?:"|[\n\r]|$)/y
const SINGLE = /'(?:[^'\\\n\r]|\\(?:[\s\S]|$))*(?:'|[\n\r]|$)/y
const TEMPLATE = /`(?:[^`\\]|\\(?:[\s\S]|$))*(?:`|$)/y
const COMMENT = /\/\/[^\n\r\u2028\u2029]*|\/\*(?:[^*]|\*(?!\/))*(?:\*\/|$)/y
const REGEXP = /\/(?:[^/\\[\n\r]|\\[^\n\r]|\[(?:[^\]\\\n\r]|\\[^\n\r])*\]?|\\)*(?:\/[a-z]*)?/y

/** Behind these words stands a value, so that a slash begins a regular expression. */
const BEFORE_VALUE = /(?:^|[^\w$.])(?:return|typeof|case|in|of|delete|void|throw|new|do|else|instanceof)$/
/** Characters of the longest of them, and one before it. */
const LONGEST = 11

const NO_BREAKS = /[^\n\r\u2028\u2029]+/g

/**
 * A piece of script that begins in code, with blanks in place of comments and regular expressions, and in `bare` of texts in quotes too, each character and line break in its place. Not a parser: a slash behind
 * `)` divides, one behind `}` does not. Templates stay, for they hold code.
 */
export function withoutWords(script: string): { code: string; bare: string } {
  const [code, bare]: [string[], string[]] = [[], []]
  /** Where the comments so far begin, by where they end. */
  const comments = new Map<number, number>()
  let from = 0
  BEGIN.lastIndex = 0
  for (let begin = BEGIN.exec(script); begin; begin = BEGIN.exec(script)) {
    const at = begin.index
    const pattern = patternAt(script, at, comments)
    if (!pattern) continue
    pattern.lastIndex = at
    const [found = ''] = pattern.exec(script) ?? []
    const end = at + Math.max(1, found.length)
    if (pattern === COMMENT) comments.set(end, at)
    const blank = pattern === TEMPLATE ? found : found.replace(NO_BREAKS, (line) => ' '.repeat(line.length))
    code.push(script.slice(from, at), pattern === DOUBLE || pattern === SINGLE ? found : blank)
    bare.push(script.slice(from, at), blank)
    from = end
    BEGIN.lastIndex = end
  }
  if (from === 0) return { code: script, bare: script }
  code.push(script.slice(from))
  bare.push(script.slice(from))
  return { code: code.join(''), bare: bare.join('') }
}

function patternAt(script: string, at: number, comments: ReadonlyMap<number, number>): RegExp | undefined {
  switch (script[at]) {
    case '"':
      return DOUBLE
    case "'":
      return SINGLE
    case '`':
      return TEMPLATE
  }
  if (script[at + 1] === '/' || script[at + 1] === '*') return COMMENT
  return valueMayStand(script, at, comments) ? REGEXP : undefined
}

function valueMayStand(script: string, at: number, comments: ReadonlyMap<number, number>): boolean {
  let end = at
  for (;;) {
    const comment = comments.get(end)
    if (comment !== undefined) end = comment
    else if (end > 0 && /\s/.test(script[end - 1] ?? '')) end--
    else break
  }
  const before = script.slice(Math.max(0, end - LONGEST), end)
  if (before === '') return true
  if (/[\w$]$/.test(before)) return BEFORE_VALUE.test(before)
  return !/(?:[)\].'"`]|\+\+|--)$/.test(before)
}
