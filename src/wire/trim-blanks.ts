/**
 * Text without the blanks and tabs at its ends: what HTTP calls optional white space (RFC 9110 §5.6.3). Linear: a regular expression that
 * ends in `[ \t]*$` begins anew at every blank, and a hostile line of 64 KiB of them would take seconds.
 */
export function trimBlanks(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}
