/**
 * `shExpMatch(text, pattern)`: a shell glob, `*` for any run and `?` for any one character, everything else literal, over the whole text.
 * Browsers build a regular expression and escape only the dot, so there `[`, `(` and `+` mean what they mean to RegExp, and a bad one throws.
 * Here the pieces between the stars are searched from left to right: never exponential, whatever the pattern.
 */
export const shExpMatch = `
function shExpMatch(url, pattern) {
  if (typeof pattern !== 'string') throw new TypeError('shExpMatch: the pattern is not a string')
  const answer = globMatch(typeof url === 'string' ? url : text(url), pattern)
  if (room > 0) note('shExpMatch', [url, pattern], answer)
  return answer
}

let globs = dictionary(null)
let globCount = 0

function globMatch(string, pattern) {
  let pieces = globs[pattern]
  if (pieces === undefined) {
    if (++globCount > 1000) { globs = dictionary(null); globCount = 1 }
    pieces = globs[pattern] = globPieces(pattern)
  }
  const first = pieces[0]
  const last = pieces.length - 1
  if (last === 0) return string.length === first.length && pieceAt(string, first, 0)
  const tail = pieces[last]
  let at = first.length
  let end = string.length - tail.length
  if (end < at || !pieceAt(string, first, 0) || !pieceAt(string, tail, end)) return false
  for (let i = 1; i < last; i++) {
    const found = pieceFrom(string, pieces[i], at, end)
    if (found < 0) return false
    at = found + pieces[i].length
  }
  return true
}

// A piece: its text, its length, and whether it has a '?'. Runs of stars are one star.
function globPieces(pattern) {
  const pieces = []
  let start = 0
  while (true) {
    const star = pattern.indexOf('*', start)
    const piece = pattern.slice(start, star < 0 ? pattern.length : star)
    if (piece.length > 0 || star < 0 || pieces.length === 0)
      pieces[pieces.length] = { piece, length: piece.length, any: piece.indexOf('?', 0) >= 0 }
    if (star < 0) return pieces
    start = star + 1
  }
}

function pieceAt(string, { piece, length, any }, at) {
  if (length === 0) return true
  if (!any) return string.startsWith(piece, at)
  for (let i = 0; i < length; i++) if (piece[i] !== '?' && piece[i] !== string[at + i]) return false
  return true
}

function pieceFrom(string, entry, at, end) {
  if (!entry.any) {
    const found = string.indexOf(entry.piece, at)
    return found < 0 || found + entry.length > end ? -1 : found
  }
  for (; at + entry.length <= end; at++) if (pieceAt(string, entry, at)) return at
  return -1
}
`
