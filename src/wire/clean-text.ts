/**
 * Foreign text made fit for a message or a status line: printable ASCII, white space folded to one blank, cut to `limit` characters.
 * Whatever an upstream says, it can't forge a log line or a header with it.
 */
export function cleanText(text: string, limit: number): string {
  // Cut first: the regular expressions below then run over a bounded text.
  const folded = text
    .slice(0, limit * 4)
    .replace(/[\s\x00-\x1f\x7f]+/g, ' ')
    .replace(/[^\x20-\x7e]/g, '?')
    .trim()
  return folded.length <= limit ? folded : `${folded.slice(0, limit - 3).trimEnd()}...`
}
