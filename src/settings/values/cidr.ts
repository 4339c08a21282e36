import { isIP } from 'node:net'
import { found } from './found.ts'
import { ValueError } from './value-error.ts'

/** `10.0.0.0/8`, `2001:db8::/32`, or one address, which stands for itself. */
export function parseCidr(value: unknown): string {
  if (typeof value !== 'string') throw new ValueError(`${found(value)} is not an address block`, { expected })
  const [, address, bits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(value) ?? []
  const family = isIP(address ?? '')
  if (address === undefined || family === 0 || address.includes('%')) {
    throw new ValueError(`${found(value)} is not an address block`, { expected })
  }
  const width = family === 4 ? 32 : 128
  const prefix = bits === undefined ? width : Number(bits)
  if (prefix > width) throw new ValueError(`/${prefix} is too long a prefix`, { expected: `/0 to /${width}` })
  return `${address}/${prefix}`
}

const expected = 'an address block such as 10.0.0.0/8 or 2001:db8::/32'
