/**
 * A matcher for a pattern in which `*` stands for any run of characters, dots included, also none. It searches each literal piece once from
 * left to right, so no pattern can make it slow, which a regular expression with many `.*` could.
 */
export function compileGlob(pattern: string): (text: string) => boolean {
  const pieces = pattern.split('*')
  if (pieces.length === 1) return (text) => text === pattern
  const head = pieces[0]!
  const tail = pieces.at(-1)!
  const middle = pieces.slice(1, -1).filter((piece) => piece !== '')
  return (text) => {
    const end = text.length - tail.length
    if (end < head.length || !text.startsWith(head) || !text.endsWith(tail)) return false
    let from = head.length
    for (const piece of middle) {
      const found = text.indexOf(piece, from)
      if (found < 0) return false
      from = found + piece.length
    }
    return from <= end
  }
}
