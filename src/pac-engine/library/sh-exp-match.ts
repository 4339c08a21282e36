const METHODS = { starts: 'startsWith', ends: 'endsWith', placeIn: 'indexOf' } as const

type Call = (string: string, method: keyof typeof METHODS, args: string) => string

/** The same for a string's methods, which are faster, and for the functions that they are where a script may have replaced those. */
const matcher = (name: string, call: Call) => `
// Leftmost places do: whatever fits further right fits there too, and leaves less room behind it.
function ${name}(string, glob) {
  if (glob.any) return globMatchAny(string, glob)
  const head = glob.head, middle = glob.middle, tail = glob.tail
  if (tail === null) return string === head
  if (head !== '' && !${call('string', 'starts', 'head')} || tail !== '' && !${call('string', 'ends', 'tail')}) return false
  let at = head.length
  for (let i = 0; i < middle.length; i++) {
    at = ${call('string', 'placeIn', 'middle[i], at')}
    if (at < 0) return false
    at += middle[i].length
  }
  return at + tail.length <= string.length
}
`

/**
 * `shExpMatch(text, pattern)`: a shell glob, `*` for any run and `?` for any one character, everything else literal, over the whole text.
 * Browsers build a regular expression and escape only the dot, so there `[`, `(` and `+` mean what they mean to RegExp, and a bad one throws.
 * Here the pieces between the stars are searched from left to right: never exponential, whatever the pattern. Rules of the shapes that make up
 * nearly all real ones (`*.example.com`, `http://*`, `*word*`) cost a call or two of a built-in.
 */
export const shExpMatch = `
function shExpMatch(url, pattern) {
  if (typeof url === fast && typeof pattern === fast) {
    const tail = tails[pattern]
    return tail !== undefined ? url.endsWith(tail) : globMatchFast(url, globs[pattern] ?? globOf(pattern))
  }
  // A browser calls the pattern's own replace: an object that is a text has one.
  if (pattern instanceof text) pattern = text(pattern)
  if (typeof pattern !== 'string') throw new TypeError('shExpMatch: the pattern is not a string')
  const string = typeof url === 'string' ? url : text(url)
  const tail = tails[pattern]
  const answer = tail !== undefined ? ends(string, tail) : globMatch(string, globs[pattern] ?? globOf(pattern))
  if (room > 0) note('shExpMatch', [url, pattern], answer)
  return answer
}

// The patterns of a script come again and again, and are kept: characters, with some for what each takes besides, 10 MB at most. That is as many as a script can hold of
// the commonest shape, and 25,000 of others.
var globs = dictionary(null)
var globChars = 0
// Those that found no room, worked through anew at each call; after so many the room is theirs. Not at once, or a list that is longer than it would never find its own.
var globsLeft = 0
// Of '*' and a text, the commonest shape, that text.
var tails = dictionary(null)

// Head, middle and tail are the text between the stars; a run of stars is one star. head is all of it where there is no star: tail is null then.
function globOf(pattern) {
  const any = contains(pattern, '?')
  const first = placeIn(pattern, '*')
  const glob = { any, head: first < 0 ? pattern : cut(pattern, 0, first), middle: bare(), tail: null }
  for (let start = first + 1; start > 0; ) {
    const star = placeIn(pattern, '*', start)
    if (star < 0) { glob.tail = cut(pattern, start); break }
    if (star > start) glob.middle[glob.middle.length] = cut(pattern, start, star)
    start = star + 1
  }
  const isTail = !any && glob.head === '' && glob.middle.length === 0 && glob.tail !== null
  const cost = pattern.length + (isTail ? 16 : 64)
  if (globChars + cost > 2000000) {
    if (++globsLeft < 500000) return glob
    globs = dictionary(null)
    tails = dictionary(null)
    globChars = globsLeft = 0
  }
  globChars += cost
  if (isTail) tails[pattern] = glob.tail
  else globs[pattern] = glob
  return glob
}

${matcher('globMatchFast', (string, method, args) => `${string}.${METHODS[method]}(${args})`)}
${matcher('globMatch', (string, method, args) => `${method}(${string}, ${args})`)}

// The same with '?' in the pieces.
function globMatchAny(string, { head, middle, tail }) {
  if (tail === null) return string.length === head.length && pieceAt(string, head, 0)
  const end = string.length - tail.length
  let at = head.length
  if (end < at || !pieceAt(string, head, 0) || !pieceAt(string, tail, end)) return false
  for (let i = 0; i < middle.length; i++) {
    const piece = middle[i]
    while (at + piece.length <= end && !pieceAt(string, piece, at)) at++
    if (at + piece.length > end) return false
    at += piece.length
  }
  return true
}

function pieceAt(string, piece, at) {
  for (let i = 0; i < piece.length; i++) if (piece[i] !== '?' && piece[i] !== string[at + i]) return false
  return true
}
`
