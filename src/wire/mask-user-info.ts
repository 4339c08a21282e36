/**
 * Text with the user information of every URL in it replaced: `http://bob:pw@proxy:8080` reads `http://***@proxy:8080`.
 * An `@` in a path (`https://registry.example/@scope/name`) is left alone. Linear in the length of the text.
 */
export function maskUserInfo(text: string): string {
  return text.replace(URL_AUTHORITY, (whole, authority: string) => {
    const at = authority.lastIndexOf('@')
    return at < 0 ? whole : `://***${authority.slice(at)}`
  })
}

/**
 * The same for text that people wrote and that need not be a good URL (`bob:p/w@proxy`, a password with a slash): everything in a word up to
 * its last `@`. Hides too much rather than too little.
 */
export function maskAnyUserInfo(text: string): string {
  return text.replace(WORD, (word) => {
    const at = word.lastIndexOf('@')
    const scheme = word.indexOf('://')
    if (scheme >= 0 && scheme < at) return `${word.slice(0, scheme)}://***${word.slice(at)}`
    const colon = word.indexOf(':')
    return colon >= 0 && colon < at ? `***${word.slice(at)}` : word
  })
}

/** Text with the query of every URL, and of every part of one, in it replaced: servers of PAC files take keys there. Linear in the length of the text. */
export function maskQueries(text: string): string {
  let masked = ''
  let from = 0
  for (const [start, end] of queriesIn(text)) {
    masked += `${text.slice(from, start)}***`
    from = end
  }
  return masked + text.slice(from)
}

/** Where they stand: begin, behind the question mark, and end. */
export function queriesIn(text: string): [start: number, end: number][] {
  const found: [number, number][] = []
  // An apostrophe may stand in a query (RFC 3986 §3.4), and brackets do.
  for (const { 0: word, index } of text.matchAll(/[^\s"]+/g)) {
    const slash = word.indexOf('/')
    const query = slash < 0 ? -1 : word.indexOf('?', slash)
    if (query >= 0) found.push([index + query + 1, index + word.length])
  }
  return found
}

/** What follows `://` up to the path, query or fragment (RFC 3986 §3.2), the end of the word, or the next URL in a list. */
const URL_AUTHORITY = /:\/\/([^\s"'`<>/?#]+?)(?=:\/\/|[\s"'`<>/?#]|$)/g
const WORD = /[^\s"'`<>]+/g
