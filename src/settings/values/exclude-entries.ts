import { type ExcludeList, ExcludeListError, parseExcludeList } from '../../wire/exclude-list.ts'
import { kindOf } from './found.ts'
import { parsedBy, ValueError, ValueErrors } from './value-error.ts'

/** An exclude list as a part of the schema: a list of texts, or one text. Every bad entry is reported where it stands. */
export function excludeEntries() {
  return parsedBy(parseExcludeEntries)
}

function parseExcludeEntries(value: unknown): ExcludeList {
  if (typeof value === 'string') return parse(value)
  if (!Array.isArray(value)) throw new ValueError(`this is ${kindOf(value)}`, { expected })
  const wrong = value.flatMap((item: unknown, index) =>
    typeof item === 'string' ? [] : [new ValueError(`this is ${kindOf(item)}`, { expected, index, ...QUOTES })],
  )
  if (wrong.length > 0) throw new ValueErrors(wrong)
  return parse(value as string[])
}

function parse(input: string | readonly string[]): ExcludeList {
  try {
    return parseExcludeList(input)
  } catch (error) {
    if (!(error instanceof ExcludeListError)) throw error
    const inList = typeof input !== 'string'
    throw new ValueErrors(
      error.problems.map(
        ({ message, expected, offset, item }) =>
          new ValueError(message, { expected, offset, ...(inList ? { index: item } : {}) }),
      ),
    )
  }
}

const expected = 'entries such as *.corp.example or 10.0.0.0/8, as a list or as one text with commas'
const QUOTES = { hint: 'Put the entry in quotes.' }
