/**
 * `shExpMatch(text, pattern)`: a shell glob, `*` for any run and `?` for any one character, everything else literal, over the whole text.
 * Browsers build a regular expression and escape only the dot, so there `[`, `(` and `+` mean what they mean to RegExp, and a bad one throws.
 * Here the pieces between the stars are searched from left to right: never exponential, whatever the pattern. The shapes that make up
 * nearly all real rules (`*.example.com`, `http://*`, `*word*`, no star at all) are each one call of a built-in.
 */
export const shExpMatch = `
function shExpMatch(url, pattern) {
  if (typeof pattern !== 'string') throw new TypeError('shExpMatch: the pattern is not a string')
  const string = typeof url === 'string' ? url : text(url)
  const glob = globs[pattern] ?? globOf(pattern)
  let answer
  switch (glob.shape) {
    case 'exact': answer = string === glob.head; break
    case 'tail': answer = string.endsWith(glob.tail); break
    case 'head': answer = string.startsWith(glob.head); break
    case 'middle': answer = string.includes(glob.middle); break
    default: answer = globMatch(string, glob.pieces)
  }
  if (room > 0) note('shExpMatch', [url, pattern], answer)
  return answer
}

// The patterns of a script are few and come again and again.
let globs = dictionary(null)
let globCount = 0

function globOf(pattern) {
  if (++globCount > 1000) { globs = dictionary(null); globCount = 1 }
  const pieces = globPieces(pattern)
  const glob = { shape: 'general', pieces, head: pieces[0].piece, middle: '', tail: pieces[pieces.length - 1].piece }
  if (!pattern.includes('?')) {
    if (pieces.length === 1) glob.shape = 'exact'
    else if (pieces.length === 2 && glob.head === '') glob.shape = 'tail'
    else if (pieces.length === 2 && glob.tail === '') glob.shape = 'head'
    else if (pieces.length === 3 && glob.head === '' && glob.tail === '') {
      glob.shape = 'middle'
      glob.middle = pieces[1].piece
    }
  }
  return globs[pattern] = glob
}

// The text between the stars; a run of stars is one star.
function globPieces(pattern) {
  const pieces = []
  for (let start = 0; ; ) {
    const star = pattern.indexOf('*', start)
    const piece = pattern.slice(start, star < 0 ? pattern.length : star)
    if (piece.length > 0 || star < 0 || pieces.length === 0)
      pieces[pieces.length] = { piece, length: piece.length, any: piece.includes('?') }
    if (star < 0) return pieces
    start = star + 1
  }
}

function globMatch(string, pieces) {
  const last = pieces.length - 1
  const head = pieces[0], tail = pieces[last]
  if (last === 0) return string.length === head.length && pieceAt(string, head, 0)
  let at = head.length
  const end = string.length - tail.length
  if (end < at || !pieceAt(string, head, 0) || !pieceAt(string, tail, end)) return false
  for (let i = 1; i < last; i++) {
    const found = pieceFrom(string, pieces[i], at, end)
    if (found < 0) return false
    at = found + pieces[i].length
  }
  return true
}

function pieceAt(string, entry, at) {
  const piece = entry.piece
  if (!entry.any) return string.startsWith(piece, at)
  for (let i = 0; i < entry.length; i++) if (piece[i] !== '?' && piece[i] !== string[at + i]) return false
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
