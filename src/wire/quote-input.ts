/** Input shown in a message, cut to this many characters: enough to recognise it, short enough for a log line. */
const SHOWN_CHARACTERS = 80

/**
 * Untrusted text, fit for an error message or a log line: in quotation marks, cut, with control and non-printing characters written out,
 * and whatever stands before an `@` hidden, since that is where user names and passwords stand.
 */
export function quoteInput(text: string): string {
  const at = text.lastIndexOf('@')
  const shown = at < 0 ? text : `***${text.slice(at)}`
  const cut = shown.length > SHOWN_CHARACTERS ? `${shown.slice(0, SHOWN_CHARACTERS)}…` : shown
  return `"${cut.replace(/[\p{C}\p{Zl}\p{Zp}"\\]/gu, escapeCharacter)}"`
}

function escapeCharacter(character: string): string {
  if (character === '"' || character === '\\') return `\\${character}`
  return `\\u{${character.codePointAt(0)!.toString(16)}}`
}
