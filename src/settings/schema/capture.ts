import { z } from 'zod'
import { about, section } from '../about.ts'
import { parseCidr } from '../values/cidr.ts'
import { found } from '../values/found.ts'
import { parsedBy, ValueError } from '../values/value-error.ts'
import { count, duration, oneOrMore, text } from './scalars.ts'

export const captureSchema = section({
  enabled: about(z.boolean().prefault(false), {
    form: '`true` or `false`',
    help: 'Takes in what containers send to addresses, without their knowing (Linux, CAP_NET_ADMIN).',
  }),
  networks: about(oneOrMore(text('the name of a network')).prefault('engine'), {
    form: '`engine`, the name of a network, or a list of names',
    help: 'Which of the container engine’s networks are captured, followed as they come and go. `engine`: all of them but those made with `--internal` (compose: `internal: true`), which keep having no way out unless they are named too. `[]`: none.',
  }),
  subnets: about(oneOrMore(parsedBy(parseCidr)).prefault([]), {
    form: 'an address block or a list of them',
    help: 'Captured beside those networks: what comes from these addresses.',
  }),
  interfaces: about(oneOrMore(parsedBy(parseInterface)).prefault([]), {
    form: 'the name of a network interface or a list of them',
    help: 'Captured beside those networks: what comes in by these bridges.',
  }),
  otherPorts: about(z.enum(['bypass', 'refuse']).prefault('bypass'), {
    form: '`bypass` or `refuse`',
    help: 'TCP to ports that `containersProxy.transparentPorts` does not name: left to the system’s own forwarding, or refused.',
  }),
  udp: about(z.enum(['take', 'bypass', 'deny']).prefault('take'), {
    form: '`take`, `bypass` or `deny`',
    help: 'UDP: taken in, and `udp.containers` decides; left to the system’s own forwarding; or refused with “port unreachable”, on which browsers fall back from QUIC to TCP at once.',
    why: 'one policy for everything that leaves',
  }),
  trust: about(z.enum(['address', 'name', 'reject']).prefault('address'), {
    form: '`address`, `name` or `reject`',
    help: 'When a name that a client sends (TLS SNI, HTTP Host) does not lead to the address it has dialled: the address counts, the name counts, or the connection is refused.',
    why: 'a client can write any name',
  }),
  peek: duration(
    '100ms',
    { min: 0, max: 5_000, off: true },
    {
      help: 'How long a client’s first byte is waited for, to read a name from it. Ports on which servers speak first are not waited for.',
      why: 'clients that speak first have spoken after one round trip on a bridge',
    },
  ),
  hold: about(z.enum(['auto', 'required', 'off']).prefault('auto'), {
    form: '`auto`, `required` or `off`',
    help: 'Connections are accepted only when the way out stands, where the kernel can hold them. `required`: does not start without. `off`: accepts first.',
  }),
  queue: count(
    7_766,
    { min: 1, max: 65_535 },
    { help: 'Number of the kernel’s queue (NFQUEUE) that connections wait in; no other program may use it.' },
  ),
  // None of the bits that Kubernetes (0x4000, 0x8000), Cilium (0xf00) or Tailscale (0xc0000, in a field of its own) give a meaning to.
  mark: about(parsedBy(parseMark).prefault('0xf12000'), {
    form: 'number, such as `0xf12000`',
    help: 'Mark of captured packets. This one and the next three must mean nothing to other rules.',
  }),
  table: count(
    7_766,
    { min: 256, max: 2_147_483_647 },
    { help: 'Number of the routing table that leads marked packets to the gateway; nothing else may be in it.' },
  ),
})

/** Linux: at most 15 bytes, no slash, no blank; a quote or backslash would end the text in a script. */
function parseInterface(value: unknown): string {
  if (typeof value === 'string' && /^[A-Za-z0-9_.:@-]{1,15}$/.test(value) && value !== '.' && value !== '..')
    return value
  throw new ValueError(`${found(value)} is no interface`, { expected: 'a name such as docker0 or br-0123456789ab' })
}

/** The verdicts on held packets are the next three numbers, and a mark has 32 bits. */
const LAST_MARK = 0xffff_ffff - 3

function parseMark(value: unknown): number {
  const number =
    typeof value === 'number' ? value : /^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(String(value)) ? Number(value) : Number.NaN
  if (Number.isInteger(number) && number > 0 && number <= LAST_MARK) return number
  throw new ValueError(`${found(value)} is no mark`, {
    expected: `a number from 1 to 0x${LAST_MARK.toString(16)}, such as 0xf12000`,
  })
}
