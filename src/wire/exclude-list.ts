import type { Scheme, Target } from '../contracts/target.ts'
import { type ExcludeRule, parseExcludeEntry } from './exclude-entry.ts'
import { indexRules } from './exclude-index.ts'
import { quoteInput } from './quote-input.ts'
import { TextError } from './text-error.ts'

/** The entry that matched, for people and logs. */
export interface ExcludeMatch {
  readonly entry: string
  /** Zero-based place among the entries. */
  readonly index: number
}

/** A rule and where it stands in its list. */
export interface ListedRule extends ExcludeRule, ExcludeMatch {}

/** A parsed list: `proxy.exclude`, `access.allow`, `access.deny`, `NO_PROXY`. */
export interface ExcludeList {
  readonly rules: readonly ListedRule[]
  /** The first entry, in the order of the list, that matches. */
  match(target: Target, scheme: Scheme): ExcludeMatch | undefined
}

/** An entry that could not be read. */
export interface ExcludeProblem {
  /** Zero-based place among the entries. */
  readonly index: number
  /** Zero-based place in the input, where that was an array; 0 where it was one string. */
  readonly item: number
  /** Zero-based, in UTF-16 units, from the start of that item: where the fault is. */
  readonly offset: number
  readonly entry: string
  readonly message: string
  readonly expected: string
}

export class ExcludeListError extends Error {
  override readonly name = 'ExcludeListError'
  readonly problems: readonly ExcludeProblem[]

  constructor(problems: readonly ExcludeProblem[]) {
    const { entry, message, offset, expected } = problems[0]!
    const more = problems.length > 1 ? `, and ${problems.length - 1} more` : ''
    super(`bad entry ${quoteInput(entry)}: ${message}, at column ${offset + 1}; expected ${expected}${more}`)
    this.problems = problems
  }
}

/** Entries in one list. Ten times the longest real list known; each costs about 300 bytes. */
const MAX_ENTRIES = 100_000
/** Problems reported at once: enough to mend a list, few enough to read. */
const MAX_PROBLEMS = 100

/** Reads a whole list; throws `ExcludeListError` with every entry that makes no sense. */
export function parseExcludeList(input: string | readonly string[]): ExcludeList {
  const { list, problems } = readExcludeList(input)
  if (problems.length > 0) throw new ExcludeListError(problems)
  return list
}

/** The same for lists that are not ours to refuse (`NO_PROXY`): the entries that make sense, and the problems of the others. */
export function readExcludeList(input: string | readonly string[]): {
  readonly list: ExcludeList
  readonly problems: readonly ExcludeProblem[]
} {
  const rules: ListedRule[] = []
  const problems: ExcludeProblem[] = []
  let index = 0
  for (const [item, text] of (typeof input === 'string' ? [input] : input).entries()) {
    for (const { 0: entry, index: start } of text.matchAll(ENTRY)) {
      if (problems.length >= MAX_PROBLEMS) break
      try {
        if (index >= MAX_ENTRIES) throw new TextError('the list is too long', 0, `at most ${MAX_ENTRIES} entries`)
        rules.push({ ...parseExcludeEntry(entry), entry, index })
      } catch (error) {
        if (!(error instanceof TextError)) throw error
        const { message, offset, expected } = error
        problems.push({ index, item, offset: start + offset, entry, message, expected })
        if (index >= MAX_ENTRIES) return { list: excludeListOf(rules), problems }
      }
      index++
    }
  }
  return { list: excludeListOf(rules), problems }
}

/** Entries are separated by commas, semicolons and white space. */
const ENTRY = /[^,;\s]+/g

export function excludeListOf(rules: readonly ListedRule[]): ExcludeList {
  const find = indexRules(rules)
  return {
    rules,
    match(target, scheme) {
      const rule = find(target, scheme)
      return rule && { entry: rule.entry, index: rule.index }
    },
  }
}
