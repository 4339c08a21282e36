/**
 * Whether a script may do things between the exception that stops it at an unknown name and its end: what a browser stops runs nothing more. A statement for it, or an iterator's `return`,
 * which a loop that ends early calls: that takes the word, or an object that is an iterator. Taken from the text, so a name that is put together (`"re" + "turn"`) goes unnoticed.
 */
export function mayGoOn(script: string): boolean {
  return TRY.test(script) || /\biterator\b|[.?][ \t]{0,8}return\b|["'`]return["'`]/.test(script)
}

/**
 * The word with its block, for prose has the word alone, and each new name of a script that may go on costs several times as much. Between the two a comment may stand, also one of HTML's.
 * Looked for in texts and comments too: what is in quotes may be run (`eval`), and to tell where a comment ends takes a parser.
 */
const TRY = /\btry\s*(?:\{|\/[/*]|<!--|-->)/
