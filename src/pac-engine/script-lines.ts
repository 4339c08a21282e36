import { withoutWords } from './script-words.ts'

const LINE_BREAK = /\r\n|[\n\r\u2028\u2029]/

export interface ScriptLines {
  readonly script: string
  readonly lines: readonly string[]
  /** The same with blanks in place of comments and regular expressions: nothing there is ever the place of a failure. */
  readonly code: readonly string[]
  /** And in place of what stands in quotes. */
  readonly bare: readonly string[]
}

/** Of the script that failed last: one that fails, fails often. */
let failedLast: ScriptLines = { script: '', lines: [''], code: [''], bare: [''] }

export function linesOf(script: string): ScriptLines {
  if (failedLast.script !== script) {
    const { code, bare } = withoutWords(script)
    const lines = script.split(LINE_BREAK)
    const linesIn = (text: string) => (text === script ? lines : text.split(LINE_BREAK))
    failedLast = { script, lines, code: linesIn(code), bare: linesIn(bare) }
  }
  return failedLast
}
