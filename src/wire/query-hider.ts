/** A query's parts below this many characters are words such as `id` and `true`, which stand in scripts too. */
const SHORTEST = 4
const SEPARATORS = /[&=;+,/]/
/** Parts that are looked for. */
const MOST = 64
/** Texts whose shown form is remembered, of one decision: its helpers are given the same few again and again. */
const REMEMBERED = 64

/**
 * What a script was given of a URL's query, taken out of what it says: tokens and passwords stand in queries, and nobody typed these to have them logged. For
 * texts that may be cut off at their end, in any case of letters, and with its percent signs read; what a script has encoded otherwise is not recognized.
 */
export function queryHider(url: string): (text: string) => string {
  const at = url.indexOf('?')
  const query = at < 0 ? '' : url.slice(at + 1)
  if (query === '') return (text) => text
  // Most decisions have nothing to show.
  let parts: readonly string[] | undefined
  const [whole, begun] = [`?${query}`.toLowerCase(), `?${query.slice(0, SHORTEST)}`.toLowerCase()]
  const known = new Map<string, string>()
  return (text) => {
    const before = known.get(text)
    if (before !== undefined) return before
    parts ??= partsOf(query)
    const shown = withoutParts(cutAt(text, begun, whole), parts)
    if (known.size < REMEMBERED) known.set(text, shown)
    return shown
  }
}

/** The same for a PAC answer, whose words for the kinds of way stay readable: they are the format's own. */
export function hideInAnswer(answer: string, hide: (text: string) => string): string {
  return answer.replace(/[^;\s]+/g, (word) => (KINDS.test(word) ? word : hide(word)))
}

const KINDS = /^(?:direct|proxy|https?|socks[45]?)$/i

function partsOf(query: string): string[] {
  const written = [query, ...query.split(SEPARATORS).slice(0, MOST)]
  const all = new Set([...written, ...written.map(decoded)].map((part) => part.toLowerCase()))
  return [...all].filter((part) => part.length >= SHORTEST)
}

/** From where the query begins, for as long as it is there; where the text was cut off within it, to the end. */
function cutAt(text: string, begun: string, whole: string): string {
  const lower = text.toLowerCase()
  const from = lower.indexOf(begun)
  if (from < 0) return text
  let same = 0
  while (same < whole.length && lower[from + same] === whole[same]) same++
  return `${text.slice(0, from)}?…${text.slice(from + same)}`
}

function withoutParts(text: string, parts: readonly string[]): string {
  let shown = text
  let lower = text.toLowerCase()
  for (const part of parts) {
    if (!lower.includes(part)) continue
    shown = replaced(shown, lower, part)
    lower = shown.toLowerCase()
  }
  for (const part of parts) {
    shown = withoutBegun(shown, lower, part)
    if (shown.length < lower.length) lower = shown.toLowerCase()
  }
  return shown
}

/** `lower` is the same in small letters, and has it. */
function replaced(text: string, lower: string, part: string): string {
  // Some letters are longer in the other case: places would not be the same.
  if (lower.length !== text.length) return '…'
  let shown = ''
  let from = 0
  for (let at = lower.indexOf(part); at >= 0; at = lower.indexOf(part, from)) {
    shown += `${text.slice(from, at)}…`
    from = at + part.length
  }
  return shown + text.slice(from)
}

/** Without what a text was cut off in: a part of which only the beginning is left, at its end, before the sign that something is missing. */
function withoutBegun(text: string, lower: string, part: string): string {
  const begun = part.slice(0, SHORTEST)
  let at = lower.indexOf(begun)
  if (at < 0 || lower.length !== text.length) return text
  const end = text.endsWith('…') ? text.length - 1 : text.length
  for (; at >= 0; at = lower.indexOf(begun, at + 1)) {
    if (part.startsWith(lower.slice(at, end))) return `${text.slice(0, at)}…`
  }
  return text
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
