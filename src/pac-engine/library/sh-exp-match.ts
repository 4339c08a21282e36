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
  const shape = glob.shape
  if (shape === TAIL) answer = string.endsWith(glob.text)
  else if (shape === HEAD) answer = string.startsWith(glob.text)
  else if (shape === MIDDLE) answer = string.includes(glob.text)
  else if (shape === EXACT) answer = string === glob.text
  else answer = globMatch(string, glob.pieces)
  if (room > 0) note('shExpMatch', [url, pattern], answer)
  return answer
}

const GENERAL = 0, TAIL = 1, HEAD = 2, MIDDLE = 3, EXACT = 4

// The patterns of a script are few and come again and again.
let globs = dictionary(null)
let globCount = 0

function globOf(pattern) {
  if (++globCount > 1000) { globs = dictionary(null); globCount = 1 }
  const pieces = globPieces(pattern)
  const first = pieces[0].piece, last = pieces[pieces.length - 1].piece
  let shape = GENERAL, text = ''
  if (!pattern.includes('?')) {
    if (pieces.length === 1) { shape = EXACT; text = first }
    else if (pieces.length === 2 && first === '') { shape = TAIL; text = last }
    else if (pieces.length === 2 && last === '') { shape = HEAD; text = first }
    else if (pieces.length === 3 && first === '' && last === '') { shape = MIDDLE; text = pieces[1].piece }
  }
  return globs[pattern] = { shape, text, pieces }
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
