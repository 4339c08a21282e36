import type { YAMLError } from 'yaml'

/** Something that makes a text unreadable as settings. */
export interface Fault {
  /** Characters from the start of the text. */
  readonly offset: number
  readonly message: string
  readonly expected?: string
  readonly hint?: string
}

/** The YAML library's complaint in our words: its own repeat pieces of the text, which may be a password. */
export function syntaxFault(error: YAMLError, text: string): Fault {
  const offset = Math.min(error.pos[0], text.length)
  return { offset, ...(WORDS[error.code] ?? { message: 'this is not YAML' }) }
}

type Words = Omit<Fault, 'offset'>

const QUOTES = 'Put the value in quotes.'
const PLAIN_ONLY: Words = {
  message: 'the YAML is more elaborate than settings need',
  expected: 'plain keys and values',
}

const WORDS: Readonly<Partial<Record<YAMLError['code'], Words>>> = {
  BAD_DIRECTIVE: { message: 'a line that begins with % is a YAML directive, and this one is unknown' },
  BAD_DQ_ESCAPE: {
    message: 'the backslash begins no known escape',
    expected: '\\\\ for a backslash, \\" for a quotation mark, \\n, \\t, \\uXXXX',
    hint: 'Between single quotes a backslash is an ordinary character.',
  },
  BAD_INDENT: {
    message: 'the indentation does not fit the lines above, or a bracket is not closed',
    expected: 'keys of one group at the same column',
  },
  BAD_SCALAR_START: { message: 'a value cannot begin with this character', expected: 'text in quotes', hint: QUOTES },
  BLOCK_AS_IMPLICIT_KEY: {
    message: 'a second “: ” stands on the line',
    expected: 'one key on a line',
    hint: 'Put a value that holds “: ” in quotes.',
  },
  BLOCK_IN_FLOW: { message: 'a key stands where a comma or a closing bracket is missing', expected: 'a comma' },
  MISSING_CHAR: {
    message: 'a closing quotation mark, bracket, comma or colon is missing',
    expected: '“key: value”, and what is opened closed',
  },
  MULTILINE_IMPLICIT_KEY: {
    message: 'this is no “key: value”',
    expected: 'a colon after a key, and inside { } a comma after each value',
    hint: 'A comma or a colon is missing on this line.',
  },
  MULTIPLE_DOCS: {
    message: 'a second document begins here',
    expected: 'one document in the file',
    hint: 'Remove the line “---”.',
  },
  NON_STRING_KEY: { message: 'this cannot be a key', expected: 'text as the key' },
  RESOURCE_EXHAUSTION: { message: 'this is nested too deeply', expected: 'a few levels' },
  TAB_AS_INDENT: {
    message: 'a tab stands in the indentation',
    expected: 'spaces',
    hint: 'YAML does not allow tabs there.',
  },
  TAG_RESOLVE_FAILED: { message: 'a YAML tag stands before the value', expected: 'a value without “!”', hint: QUOTES },
  UNEXPECTED_TOKEN: {
    message: 'something stands after the value has ended',
    expected: 'the end of the line',
    hint: 'Put the whole value in quotes; between single quotes, a quote is written twice.',
  },
  ALIAS_PROPS: PLAIN_ONLY,
  BAD_ALIAS: PLAIN_ONLY,
  BAD_PROP_ORDER: PLAIN_ONLY,
  BAD_COLLECTION_TYPE: PLAIN_ONLY,
  MULTIPLE_ANCHORS: PLAIN_ONLY,
  MULTIPLE_TAGS: PLAIN_ONLY,
  KEY_OVER_1024_CHARS: { message: 'the key is too long', expected: 'at most 1024 characters' },
}
