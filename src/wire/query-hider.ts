import { PIECE, QueryPieces } from './query-pieces.ts'

/** Characters of a query that is looked through, about as many as a request's head may have; with a longer one nothing is shown. */
const MOST_CHARS = 65_536
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
  return at < 0 || at === url.length - 1 ? asItStands : hiderOf(url, at)
}

function asItStands(text: string): string {
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
  for (let times = 0; times < 2; times++) {
    for (const form of [...forms]) {
      if (!form.includes('%')) continue
      const bytes = form.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
      forms.add(bytes)
      // What is no UTF-8 becomes a mark; what is stays legible around it.
      forms.add(Buffer.from(bytes, 'latin1').toString('utf8'))
    }
  }
  return [...forms]
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
