/**
 * Bytes of a PAC script as text: a byte order mark, then the charset of the response, then UTF-8, then windows-1252, which every byte string is.
 */
export function decodeScript(bytes: Uint8Array, charset?: string): string {
  const marked = byteOrderMark(bytes)
  if (marked) return new TextDecoder(marked).decode(bytes)
  if (charset !== undefined) {
    const decoder = decoderFor(charset)
    if (decoder) return decoder.encoding === 'windows-1252' ? windows1252(bytes) : decoder.decode(bytes)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return windows1252(bytes)
  }
}

const BLANKS = '\t\n\r '

/** Without NULs at the end, and the blanks around them: some servers send a C string with its end, some editors a line break after it. */
export function withoutNulAtEnd(script: string): string {
  let end = script.length
  let at = end
  for (; at > 0; at--) {
    const character = script[at - 1] as string
    if (character === '\0') end = at - 1
    else if (!BLANKS.includes(character)) break
  }
  return script.slice(0, end)
}

/** The encoding standard's table for 0x80 to 0x9f. Node's own decoder of that name gives Latin-1 (seen in Node 20). */
const UPPER =
  '\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178'

function windows1252(bytes: Uint8Array): string {
  const latin1 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
  return latin1.replace(/[\x80-\x9f]/g, (character) => UPPER[character.charCodeAt(0) - 0x80] ?? character)
}

function byteOrderMark(bytes: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' | undefined {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 'utf-8'
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le'
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be'
  return undefined
}

/** Undefined for a label nobody knows: the server's mistake, and guessing is better than no script. */
function decoderFor(charset: string): InstanceType<typeof TextDecoder> | undefined {
  try {
    return new TextDecoder(charset)
  } catch {
    return undefined
  }
}
