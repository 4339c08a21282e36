/** Input shown in a message, cut to this many characters: enough to recognise it, short enough for a log line. */
const SHOWN_CHARACTERS = 80

/**
 * Untrusted text, fit for an error message or a log line: in quotation marks, cut, with control and non-printing characters written out,
 * and whatever stands before an `@` hidden, since that is where user names and passwords stand.
 */
export function quoteInput(text: string, hide = asItStands): string {
  const at = text.lastIndexOf('@')
  const shown = at < 0 ? text : `***${text.slice(at)}`
  return quoted(shown, SHOWN_CHARACTERS, hide)
}

/** A PAC answer is longer, and each of its entries can have user information of its own. */
const SHOWN_OF_ANSWER = 400

export function quoteAnswer(answer: string, hide = asItStands): string {
  return quoted(answer.split(';').map(withoutUser).join(';'), SHOWN_OF_ANSWER, hide)
}

function withoutUser(entry: string): string {
  const at = entry.lastIndexOf('@')
  if (at < 0) return entry
  const type = /^\s*[a-z0-9]{1,6}\s+/i.exec(entry)?.[0] ?? ''
  return `${type.length > at ? '' : type}***${entry.slice(at)}`
}

function asItStands(text: string): string {
  return text
}

/** `hide` takes out what else must not be shown; it is given no more than what is shown. */
function quoted(shown: string, most: number, hide: (text: string) => string): string {
  const cut = hide(shown.length > most ? `${shown.slice(0, most)}…` : shown)
  return `"${cut.replace(/[\p{C}\p{Zl}\p{Zp}"\\]/gu, escapeCharacter)}"`
}

function escapeCharacter(character: string): string {
  if (character === '"' || character === '\\') return `\\${character}`
  return `\\u{${character.codePointAt(0)!.toString(16)}}`
}
