import { isIP } from 'node:net'
import { formatIpv4, parseIpv4 } from '../wire/ipv4.ts'

/**
 * What a text that is an address resolves to, by nobody's word: as in Chromium (`IPAddress::AssignFromIPLiteral`) IPv4 in every spelling that a URL may have, `127.1`, `0xa.1`, `010.1.2.3`.
 * Null: an address that means nothing here, with a zone. Undefined: it is a name.
 */
export function addressLiteral(text: string): string | null | undefined {
  if (isIP(text) !== 0) return text.includes('%') ? null : text
  const number = parseIpv4(text)
  return number === undefined ? undefined : formatIpv4(number)
}
