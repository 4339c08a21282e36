import type { Hop } from '../contracts/route.ts'

/** Value of Proxy-Authorization: Basic (RFC 7617), in UTF-8. For this hop and no other. */
export function basicAuthorization({ credentials }: Hop): string | undefined {
  if (credentials === undefined) return undefined
  const pair = Buffer.from(`${credentials.username}:${credentials.password.reveal()}`, 'utf8')
  return `Basic ${pair.toString('base64')}`
}
