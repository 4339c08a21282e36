const QUOTE = 0x22
const BACKSLASH = 0x5c
/** `[` and `{` differ in this bit alone, and so do `]` and `}`; no other octet of JSON outside strings looks like one of them with it set. */
const CASE = 0x20
const OPENS = 0x7b
const CLOSES = 0x7d

/**
 * Whether JSON (RFC 8259; UTF-8) is nested deeper than so many levels of arrays and objects. JSON.parse makes an object for each level before it finds
 * the end missing: half a microsecond and 100 bytes each, so a few seconds for an answer of nothing but brackets.
 */
export function isDeeper(json: Buffer, levels: number): boolean {
  let depth = 0
  for (let at = 0; at < json.length; at += 1) {
    const octet = json[at]!
    if (octet === QUOTE) {
      at = endOfString(json, at)
    } else if ((octet | CASE) === OPENS) {
      depth += 1
      if (depth > levels) return true
    } else if ((octet | CASE) === CLOSES) depth -= 1
  }
  return false
}

/** Where the string that begins at `from` is closed; the end of it all where it is not. */
function endOfString(json: Buffer, from: number): number {
  for (let at = from + 1; at < json.length; at += 1) {
    if (json[at] === QUOTE) return at
    if (json[at] === BACKSLASH) at += 1
  }
  return json.length
}
