/**
 * What a server that did not speak the expected protocol probably is, from its first bytes, for error messages.
 * `undefined` when nothing fits. A guess only helps a person; nothing is decided by it.
 */
export function guessProtocol(bytes: Uint8Array): string | undefined {
  const [first, second] = bytes
  if (first === undefined) return undefined
  // TLS record: handshake (22) or alert (21), then the major version 3.
  if ((first === 0x15 || first === 0x16) && (second === undefined || second === 3)) return 'a TLS server'
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 64)).toString('latin1')
  if (text.startsWith('HTTP/')) return 'an HTTP server or HTTP proxy'
  if (text.startsWith('SSH-')) return 'an SSH server'
  if (/^220[ -]/.test(text)) return 'a mail or FTP server'
  if (/^\s*<(!doctype|html|\?xml)/i.test(text)) return 'a server that sends a page with no HTTP head'
  // An HTTP/2 server opens with SETTINGS: 3 bytes of length (small), type 4, flags 0, stream 0.
  if (bytes.length >= 9 && first === 0 && second === 0 && bytes[3] === 4 && bytes[4] === 0) return 'an HTTP/2 server'
  if (first === 5 && bytes.length <= 22) return 'a SOCKS5 proxy'
  if (first === 0 && second !== undefined && second >= 0x5a && second <= 0x5d) return 'a SOCKS4 proxy'
  return undefined
}
