import { parseAddress } from '../address.ts'

/** The data of an A or AAAA record as canonical text; undefined where it has the length of neither. */
export function addressText(data: Buffer): string | undefined {
  if (data.length === 4) return data.join('.')
  if (data.length !== 16) return undefined
  return parseAddress(data.toString('hex').replace(/(.{4})(?!$)/g, '$1:'))?.address
}
