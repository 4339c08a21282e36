import { PIECE, QueryPieces } from './query-pieces.ts'

/** Characters of a query that is looked through, half a millisecond's work at worst; with a longer one nothing is shown. */
const MOST_CHARS = 8_192
/** Texts whose shown form is remembered, of one decision: its helpers are given the same few again and again. */
const REMEMBERED = 64

/**
 * What a script was given of a URL's query, taken out of what it says: tokens and passwords stand in queries, and nobody typed these to have them logged. Every piece of
 * four characters or more, in any case of letters, as it is written and with its percent signs and plus signs read, unless it stands in the URL before the query too.
 * Smaller pieces, and what a script has encoded otherwise, are not recognized.
 */
export function queryHider(url: string): (text: string) => string {
  const at = url.indexOf('?')
  // Most have none, and there is one for each decision.
  if (at < 0 || at === url.length - 1) return asItStands
  // It is asked for where the decision is made, and again where it is told.
  if (last?.url !== url) last = { url, hide: hiderOf(url, at) }
  return last.hide
}

let last: { readonly url: string; readonly hide: (text: string) => string } | undefined

/** For what somebody has typed who is to see it. */
export function asItStands(text: string): string {
  return text
}

function hiderOf(url: string, at: number): (text: string) => string {
  const query = url.slice(at + 1)
  if (query.length > MOST_CHARS) return () => '…'
  // Most decisions have nothing to show.
  let pieces: QueryPieces | undefined
  const before = small(url.slice(0, at))
  const [whole, begun] = [small(`?${query}`), small(`?${query.slice(0, PIECE)}`)]
  const known = new Map<string, string>()
  return (text) => {
    const remembered = known.get(text)
    if (remembered !== undefined) return remembered
    pieces ??= new QueryPieces(formsOf(query).map(small).join('\0'))
    const shown = withoutPieces(cutAt(text, begun, whole), pieces, before)
    if (known.size < REMEMBERED) known.set(text, shown)
    return shown
  }
}

/** The same for a PAC answer, whose words for the kinds of way stay readable: they are the format's own. */
export function hideInAnswer(answer: string, hide: (text: string) => string): string {
  return answer.replace(/[^;\s]+/g, (word) => (KINDS.test(word) ? word : hide(word)))
}

const KINDS = /^(?:direct|proxy|https?|socks[45]?)$/i

/** As it is written, and as a script may have read it: once or twice, as UTF-8 or, as `unescape` does, byte by byte. */
function formsOf(query: string): string[] {
  const forms = new Set([query])
  let newest = [query]
  for (let times = 0; times < 2; times++) {
    newest = newest.filter((form) => form.includes('%')).flatMap(unescaped)
    for (const form of newest) forms.add(form)
  }
  return [...forms]
}

/** Octet by octet, and as UTF-8 where that is something else. */
function unescaped(form: string): string[] {
  const codes: number[] = []
  let isAscii = true
  for (let at = 0; at < form.length; at++) {
    let code = form.charCodeAt(at)
    if (code === PERCENT) {
      const octet = (hexDigit(form.charCodeAt(at + 1)) << 4) | hexDigit(form.charCodeAt(at + 2))
      if (octet >= 0) {
        code = octet
        at += 2
      }
    }
    if (code > 127) isAscii = false
    codes.push(code)
  }
  const octets = String.fromCharCode(...codes)
  // What is no UTF-8 becomes a mark; what is stays legible around it.
  return isAscii ? [octets] : [octets, Buffer.from(octets, 'latin1').toString('utf8')]
}

const PERCENT = 0x25

/** Negative, also when it is shifted, where it is none. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const small = code | 0x20
  return small >= 0x61 && small <= 0x66 ? small - 0x57 : -1
}

/** In small letters, character by character: some are longer in the other case, and places would not be the same. A plus sign is a blank, which it can mean. */
function small(text: string): string {
  const lower = text.toLowerCase()
  const same = lower.length === text.length ? lower : text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
  return same.includes('+') ? same.replaceAll('+', ' ') : same
}

/** From where the query begins, for as long as it is there; where the text was cut off within it, to the end. */
function cutAt(text: string, begun: string, whole: string): string {
  const lower = small(text)
  const from = lower.indexOf(begun)
  if (from < 0) return text
  let same = 0
  while (same < whole.length && lower[from + same] === whole[same]) same++
  return `${text.slice(0, from)}?…${text.slice(from + same)}`
}

function withoutPieces(text: string, pieces: QueryPieces, before: string): string {
  const lower = small(text)
  let shown = ''
  let from = 0
  for (let at = 0; at + PIECE <= lower.length; ) {
    const end = pieces.endAt(lower, at)
    if (end === at) at++
    else {
      if (!before.includes(lower.slice(at, end))) {
        shown += `${text.slice(from, at)}…`
        // The sign that it was cut off there.
        from = text.startsWith('…', end) ? end + 1 : end
      }
      at = end
    }
  }
  return shown + text.slice(from)
}
