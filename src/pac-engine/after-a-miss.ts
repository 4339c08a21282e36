/**
 * Whether a script may do things between the exception that stops it at an unknown name and its end: what a browser stops runs nothing more. A statement for it, or an iterator's `return`,
 * which a loop that ends early calls: that takes the word, or an object that is an iterator. Taken from the text, so a name that is put together (`"re" + "turn"`) goes unnoticed.
 */
export function mayGoOn(script: string): boolean {
  return /\btry\b|\biterator\b|[.?][ \t]{0,8}return\b|["'`]return["'`]/.test(script)
}
