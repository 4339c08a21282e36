import type { ListenAddress } from '../../wire/listen-address.ts'
import { isLocalOnly, parseListenAddress } from './listen-address.ts'
import { ValueError } from './value-error.ts'

/** Where the status page listens: `auto`, `off`, or an address that only this machine reaches, for it has no credentials. */
export function parseStatusAddress(value: unknown): ListenAddress | 'auto' | 'off' {
  if (value === 'auto' || value === 'off') return value
  const address = parseListenAddress(value)
  if (isLocalOnly(address)) return address
  throw new ValueError('the status page has no credentials and must not be reachable from other machines', {
    expected: 'a loopback address or unix:/path',
    hint: 'To have it scraped from elsewhere, put a server with credentials in front of it.',
  })
}
