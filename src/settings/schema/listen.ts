import { z } from 'zod'
import { about, section } from '../about.ts'
import { parseCidr } from '../values/cidr.ts'
import { parseListenAddress } from '../values/listen-address.ts'
import { parsedBy, ValueError } from '../values/value-error.ts'
import { oneOrMore, optionalSecret, secret, text } from './scalars.ts'

const users = about(z.record(z.string(), secret({ help: 'The password of one user.' })), {
  form: 'user names with their passwords',
  help: 'Who may use the door. A password is text, `env:NAME` or `file:/path`.',
})

const auth = section({ users })

/** A door's own rule: other users than `listen.auth`, or none at all. */
const doorAuth = z.union([z.literal('none'), auth])

const address = about(parsedBy(parseListenAddress), {
  form: '`ADDRESS:PORT`, a port, or `unix:/path`',
  help: 'Where to listen. Port 0 takes any free port. A port alone is on 127.0.0.1. `[::]` is IPv6 only; list `0.0.0.0` too for both.',
})

const doorKeys = {
  address,
  scope: about(z.enum(['host', 'containers']).prefault('host'), {
    form: '`host` or `containers`',
    help: 'Whose policy decides what comes through this door: `proxy` or `containersProxy`.',
  }),
  from: about(oneOrMore(parsedBy(parseCidr)).prefault([]), {
    form: 'an address block or a list of them',
    help: 'The only client addresses that may use the door. Empty: everyone who reaches it.',
  }),
  mode: about(parsedBy(parseSocketMode).optional(), {
    form: 'octal permission bits, such as `"660"`',
    help: 'UNIX sockets only: who may connect.',
    absent: '`"600"`: only the gateway’s own user',
  }),
  auth: about(doorAuth.optional(), {
    form: '`none`, or `{ users: … }`',
    help: 'Other credentials than `listen.auth` for this door.',
    absent: 'those of `listen.auth`',
  }),
}

const tlsKeys = {
  ...doorKeys,
  cert: about(text('the path of a PEM file'), {
    form: 'path of a PEM file',
    help: 'The certificate clients see, with its chain.',
  }),
  key: about(text('the path of a PEM file'), { form: 'path of a PEM file', help: 'Its private key.' }),
  passphrase: optionalSecret({
    help: 'Opens an encrypted private key.',
    absent: 'the key is not encrypted',
  }),
}

export const listenSchema = section({
  mixed: about(oneOrMore(z.preprocess(longDoor, section(doorKeys))).prefault('127.0.0.1:3128'), {
    form: 'an address, a door, or a list of them',
    help: 'HTTP proxy, SOCKS5, SOCKS4 and SOCKS4a on one port, told apart by the first byte. `[]` opens none.',
  }),
  tls: about(oneOrMore(section(tlsKeys)).prefault([]), {
    form: 'a door with `cert` and `key`, or a list of them',
    help: 'The same inside TLS: what browsers call an HTTPS proxy.',
  }),
  auth: about(auth.optional(), {
    form: '`{ users: … }`',
    help: 'Credentials for every door: Basic for HTTP, user name and password (RFC 1929) for SOCKS5.',
    absent: 'no credentials are asked for',
  }),
})

export const reverseSchema = section({
  listen: about(
    oneOrMore(z.preprocess(longDoor, section({ address, from: doorKeys.from, mode: doorKeys.mode }))).prefault([]),
    {
      form: 'an address, a door, or a list of them',
      help: 'SOCKS5, SOCKS4a and HTTP proxy on one port, usually 1080. `[]` opens none.',
    },
  ),
  auth: about(auth.optional(), {
    form: '`{ users: … }`',
    help: 'Credentials for these doors; those of `listen.auth` are not theirs.',
    absent: 'no credentials are asked for',
  }),
})

function longDoor(value: unknown): unknown {
  return typeof value === 'string' || typeof value === 'number' ? { address: value } : value
}

/** Text only: of numbers, YAML reads 660 as decimal and 0o660 as octal, and the two look too much alike. */
function parseSocketMode(value: unknown): number {
  if (typeof value === 'string' && /^0?[0-7]{3}$/.test(value)) return Number.parseInt(value, 8)
  throw new ValueError('this is not a mode', { expected: 'three octal digits in quotes, such as "660"' })
}
