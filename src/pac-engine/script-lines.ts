const LINE_BREAK = /\r\n|[\n\r\u2028\u2029]/

/** A text in quotes, which may hold what looks like a comment, or a comment. Each goes to its end or the script's, so that one pass is enough. */
const TEXT_OR_COMMENT =
  /"(?:[^"\\\n\r]|\\[\s\S])*(?:"|[\n\r]|$)|'(?:[^'\\\n\r]|\\[\s\S])*(?:'|[\n\r]|$)|`(?:[^`\\]|\\[\s\S])*(?:`|$)|\/\/[^\n\r\u2028\u2029]*|\/\*(?:[^*]|\*(?!\/))*(?:\*\/|$)/g

export interface ScriptLines {
  readonly script: string
  readonly lines: readonly string[]
  /** The same with blanks in place of comments: nothing there is ever the place of a failure. */
  readonly code: readonly string[]
}

/** Of the script that failed last: one that fails, fails often. */
let failedLast: ScriptLines = { script: '', lines: [''], code: [''] }

export function linesOf(script: string): ScriptLines {
  if (failedLast.script !== script) {
    failedLast = { script, lines: script.split(LINE_BREAK), code: withoutComments(script).split(LINE_BREAK) }
  }
  return failedLast
}

function withoutComments(script: string): string {
  return script.replace(TEXT_OR_COMMENT, (found) =>
    found[0] === '/' ? found.replace(/[^\n\r\u2028\u2029]/g, ' ') : found,
  )
}
