import { isIP } from 'node:net'
import { isLoopback, isMulticast, isUnspecified, parseAddress } from '../../wire/address.ts'
import { found } from './found.ts'
import { ValueError } from './value-error.ts'

export interface AddressAndPort {
  readonly address: string
  readonly port: number
}

/** `10.0.0.53`, `10.0.0.53:5353`, `2001:db8::53`, `[2001:db8::53]:5353`; 53 where there is no port. */
export function parseDnsServer(value: unknown): AddressAndPort {
  return parseAddressAndPort(value, 53)
}

/** The same with a port that must be there. */
export function parseProbeTarget(value: unknown): AddressAndPort {
  return parseAddressAndPort(value, undefined)
}

/** One address that containers are to reach something by: no zone, no brackets. */
export function parseSpecialAddress(value: unknown): string {
  const expected = 'an address that nobody has, such as 192.168.65.254'
  if (typeof value !== 'string' || isIP(value) === 0 || value.includes('%'))
    throw new ValueError(`${found(value)} is not an address`, { expected })
  const address = value.toLowerCase()
  const canonical = parseAddress(address)?.address ?? address
  if (isLoopback(canonical) || isUnspecified(canonical) || isMulticast(canonical))
    throw new ValueError(`${found(value)} is no address that containers could reach anybody by`, { expected })
  return address
}

function parseAddressAndPort(value: unknown, standard: number | undefined): AddressAndPort {
  const expected = standard === undefined ? 'ADDRESS:PORT such as 192.0.2.1:443 or "[2001:db8::1]:443"' : WITH_STANDARD
  if (typeof value !== 'string') throw new ValueError(`${found(value)} is not the address of a server`, { expected })
  const [, bracketed, plain, portText] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(value) ?? []
  const address = isIP(value) === 6 ? value : (bracketed ?? plain ?? '')
  const port = portText === undefined ? standard : Number(portText)
  if (isIP(address) === 0 || (bracketed !== undefined && isIP(address) !== 6)) {
    throw new ValueError(`${found(value)} is not the address of a server`, {
      expected,
      hint: 'Names are not looked up here; write the address.',
    })
  }
  if (port === undefined) throw new ValueError(`${found(value)} has no port`, { expected })
  if (port < 1 || port > 65_535)
    throw new ValueError(`${portText} is not a port`, { expected: 'a port from 1 to 65535' })
  return { address: address.toLowerCase(), port }
}

const WITH_STANDARD = 'an address such as 10.0.0.53, 10.0.0.53:5353 or "[2001:db8::53]:5353"'
