/** Bytes that are no DNS message. The text says what is wrong with them, for logs and tests. */
export class DnsFormatError extends Error {
  override readonly name = 'DnsFormatError'
}
