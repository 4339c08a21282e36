import type { SeenFiles } from './seen-files.ts'

/** One thing that is wrong with the settings: where, what, what was expected, and what to do. Holds no secret. */
export interface Problem {
  /** As it was given on the command line, or relative to the working directory. */
  readonly file: string
  /** 1-based; 0 when it is about the whole file. */
  readonly line: number
  readonly column: number
  /** The key, as `proxy.http[1].url`; empty when it is about the whole file. */
  readonly path: string
  readonly message: string
  readonly expected?: string
  readonly hint?: string
  /** The line, with its secrets masked. */
  readonly excerpt?: Excerpt
}

export interface Excerpt {
  readonly text: string
  /** 0-based character of `text` that the problem begins at. */
  readonly caret: number
}

/** Settings that cannot be used. All that is wrong, in the order it stands in the file. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
  readonly problems: readonly Problem[]
  /** All that was looked at: a change to any of them may mend it. */
  readonly files: SeenFiles

  constructor(problems: readonly Problem[], files: SeenFiles) {
    super(problems.map(formatPlace).join('; '))
    this.problems = problems
    this.files = files
  }
}

/** Problems for people, with the line and a caret below the place. */
export function formatProblems(problems: readonly Problem[]): string {
  return problems.map(formatProblem).join('\n')
}

function formatProblem(problem: Problem): string {
  const lines = [formatPlace(problem)]
  if (problem.excerpt) {
    const gutter = `${problem.line} | `
    lines.push(`  ${gutter}${problem.excerpt.text}`, `  ${' '.repeat(gutter.length + problem.excerpt.caret)}^`)
  }
  if (problem.expected !== undefined) lines.push(`  expected: ${problem.expected}`)
  if (problem.hint !== undefined) lines.push(`  ${problem.hint}`)
  return `${lines.join('\n')}\n`
}

function formatPlace({ file, line, column, path, message }: Problem): string {
  const place = line > 0 ? `${file}:${line}:${column}` : file
  return path === '' ? `${place}: ${message}` : `${place}: ${path}: ${message}`
}
