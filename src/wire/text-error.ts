/**
 * What is wrong with a piece of text, where, and what should stand there. Stays inside `wire/`: each parser's public error is made of it.
 * The message never repeats the text around the fault, which may be a password.
 */
export class TextError extends Error {
  override readonly name = 'TextError'
  /** Zero-based, in UTF-16 units, from the start of what the parser was given. */
  readonly offset: number
  readonly expected: string

  constructor(message: string, offset: number, expected: string) {
    super(message)
    this.offset = offset
    this.expected = expected
  }

  /** The same fault seen from a text in which this one begins at `by`. */
  shifted(by: number): TextError {
    return by === 0 ? this : new TextError(this.message, this.offset + by, this.expected)
  }
}

/** Runs a parser on a part of a text, so that its complaints point into the whole. */
export function within<T>(offset: number, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    throw error instanceof TextError ? error.shifted(offset) : error
  }
}

/** A character that may not stand where it does, in the words of who reads about it. */
export function nameCharacter(character: string): string {
  const known = CHARACTER_NAMES[character]
  if (known) return known
  const code = character.codePointAt(0)!
  if (code < 0x20 || code === 0x7f) return `a control character (0x${code.toString(16).padStart(2, '0')})`
  return /\s/u.test(character) ? 'white space' : `the character "${character}"`
}

const CHARACTER_NAMES: Readonly<Record<string, string>> = {
  '@': 'user information ("@")',
  '/': 'a path ("/")',
  '\\': 'a backslash',
  '?': 'a query ("?")',
  '#': 'a fragment ("#")',
  '%': 'a percent-encoding or zone ("%")',
  ' ': 'white space',
  ':': 'a second colon',
  '"': 'a quotation mark',
}
