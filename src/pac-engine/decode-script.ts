/**
 * Bytes of a PAC script as text: a byte order mark, then the charset of the response, then UTF-8, then windows-1252, which every byte string is.
 * Trailing NULs go: some servers send a C string with its end.
 */
export function decodeScript(bytes: Uint8Array, charset?: string): string {
  return decode(bytes, charset).replace(/\0+$/, '')
}

function decode(bytes: Uint8Array, charset: string | undefined): string {
  const marked = byteOrderMark(bytes)
  if (marked) return new TextDecoder(marked).decode(bytes)
  if (charset !== undefined) {
    const decoder = decoderFor(charset)
    if (decoder) return decoder.decode(bytes)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return new TextDecoder('windows-1252').decode(bytes)
  }
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
