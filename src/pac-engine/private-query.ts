/** A query's parts below this many characters are words such as `id` and `true`, which stand in scripts too. */
const SHORTEST = 4
/** Parts that are looked for. */
const MOST = 64

/**
 * What a script was given of a URL's query, taken out of what it says: tokens and passwords stand in queries, and nobody typed these to have them logged. For
 * texts that may be cut off at their end, and in any case of letters; what a script has encoded anew is not recognized.
 */
export function queryHider(url: string): (text: string) => string {
  const at = url.indexOf('?')
  const query = at < 0 ? '' : url.slice(at + 1)
  if (query === '') return (text) => text
  const parts = query.split(/[&=;+,/]/).filter((part) => part.length >= SHORTEST)
  const [whole, begun] = [`?${query}`.toLowerCase(), `?${query.slice(0, SHORTEST)}`.toLowerCase()]
  const wanted = [query, ...parts.slice(0, MOST)].map((part) => part.toLowerCase())
  return (text) => {
    let shown = cutAt(text, begun, whole)
    for (const part of wanted) shown = replaced(shown, part)
    return shown
  }
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

function replaced(text: string, part: string): string {
  const lower = text.toLowerCase()
  // Some letters are longer in the other case: places would not be the same.
  if (lower.length !== text.length) return lower.includes(part) ? '…' : text
  let shown = ''
  let from = 0
  for (let at = lower.indexOf(part); at >= 0; at = lower.indexOf(part, from)) {
    shown += `${text.slice(from, at)}…`
    from = at + part.length
  }
  return shown + text.slice(from)
}
