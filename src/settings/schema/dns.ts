import { z } from 'zod'
import { about, section } from '../about.ts'
import { parseCidr } from '../values/cidr.ts'
import { parseDnsServer, parseProbeTarget, parseSpecialAddress } from '../values/dns-server.ts'
import { parseDnsListenAddress } from '../values/listen-address.ts'
import { parsePortRanges } from '../values/port-ranges.ts'
import { parsedBy } from '../values/value-error.ts'
import { count, duration, oneOrMore } from './scalars.ts'

const SECOND = 1_000
const HOUR = 3_600 * SECOND

const doorKeys = {
  address: about(parsedBy(parseDnsListenAddress), {
    form: '`ADDRESS:PORT` or a port',
    help: 'Where to answer, over UDP and TCP. A port alone is on 127.0.0.1. `[::]` is IPv6 only; list `0.0.0.0` too for both.',
  }),
  from: about(oneOrMore(parsedBy(parseCidr)).prefault([]), {
    form: 'an address block or a list of them',
    help: 'The only client addresses that are answered; others get no answer at all, and the log says so. Containers ask from their own addresses, in every network. Needed where the address is not loopback.',
  }),
}

const servers = (help: string, absent?: string) =>
  about(oneOrMore(parsedBy(parseDnsServer)).prefault([]), {
    form: 'an address with or without a port, or a list of them',
    help,
    ...(absent === undefined ? {} : { absent }),
  })

export const dnsSchema = section({
  listen: about(
    oneOrMore(
      z.preprocess(
        (value) => (typeof value === 'string' || typeof value === 'number' ? { address: value } : value),
        section(doorKeys),
      ),
    ).prefault([]),
    {
      form: 'an address, a door, or a list of them',
      help: 'Where containers’ DNS questions are answered. `[]`: nowhere.',
    },
  ),
  servers: servers(
    'Servers for everything but A and AAAA, which the host’s own resolver answers. Empty: those of the host’s /etc/resolv.conf, read again when it changes.',
  ),
  zones: about(z.record(z.string(), oneOrMore(parsedBy(parseDnsServer))).prefault({}), {
    form: 'zones with their servers',
    help: 'Names in these zones are asked of these servers, whatever the type, for containers. The longest zone that fits counts.',
  }),
  timeout: duration(
    '4s',
    { min: 100, max: 60 * SECOND },
    {
      help: 'After this a client is told SERVFAIL.',
      why: 'a client’s own patience is 5 s, and silence tells it nothing',
    },
  ),
  hostTtl: duration(
    '30s',
    { min: SECOND, max: HOUR },
    { help: 'The TTL of A and AAAA answers from the host’s resolver, which does not tell theirs.' },
  ),
  maxTtl: duration(
    '1h',
    { min: SECOND, max: 24 * HOUR },
    { help: 'No answer is kept, or said to be good, for longer.' },
  ),
  negativeTtl: duration(
    '1m',
    { min: SECOND, max: 3 * HOUR },
    { help: 'The same for answers that say no.', why: 'a name that has just been made is looked for soon' },
  ),
  cacheEntries: count(
    10_000,
    { min: 0, max: 1_000_000 },
    { help: 'Answers kept; the one unused for longest goes first. 16 MiB at most. 0 keeps none.' },
  ),
  questions: count(
    2_000,
    { min: 1, max: 100_000 },
    {
      help: 'Questions that wait for an answer at once; more get SERVFAIL. A single client has a tenth of them, but at least 50.',
    },
  ),
  tcpConnections: count(256, { min: 1, max: 10_000 }, { help: 'TCP connections at each address; more are closed.' }),
  hostAddress: about(oneOrMore(parsedBy(parseSpecialAddress)).prefault(['192.168.65.254', 'fdc4:f303:9324::254']), {
    form: 'an address or a list of them',
    absent: '`192.168.65.254`, `fdc4:f303:9324::254`',
    help: 'What `host.docker.internal` is for containers. An IPv6 address is told to clients that have IPv6, or to all where you set it yourself.',
  }),
  gatewayAddress: about(oneOrMore(parsedBy(parseSpecialAddress)).prefault(['192.168.65.1']), {
    form: 'an address or a list of them',
    absent: '`192.168.65.1`',
    help: 'What `gateway.docker.internal` and `http.docker.internal` are.',
  }),
  hostPorts: about(parsedBy(parsePortRanges).prefault('*'), {
    form: 'ports: `"80,443"`, `"8000-8999"`, `"*"`; `""` for none',
    help: 'Ports of the host, those bound to loopback among them, that containers reach as `host.docker.internal`.',
  }),
  containerNames: about(z.boolean().prefault(false), {
    form: '`true` or `false`',
    help: 'Also answer names, aliases and `service.project` of the engine’s containers.',
  }),
  probe: about(oneOrMore(parsedBy(parseProbeTarget)).prefault([]), {
    form: '`ADDRESS:PORT` or a list of them',
    help: 'Where `dnsInhibition: auto` connects to, to see whether IPv4 and IPv6 lead anywhere. Empty: the DNS servers and upstream proxies that are given by address, and a root name server of each family.',
  }),
})

export const networkingModeSchema = about(z.enum(['dual-stack', 'ipv4only', 'ipv6only']).prefault('dual-stack'), {
  form: '`dual-stack`, `ipv4only` or `ipv6only`',
  help: 'Which addresses container networks have.',
})

export const inhibitionSchema = about(z.enum(['auto', 'ipv4', 'ipv6', 'none']).prefault('auto'), {
  form: '`auto`, `ipv4`, `ipv6` or `none`',
  help: 'Which addresses containers are not told: `ipv4` leaves out A records, `ipv6` AAAA records, `auto` those of the family that leads nowhere.',
})
