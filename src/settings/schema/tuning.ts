import { z } from 'zod'
import { about, section } from '../about.ts'
import { excludeEntries } from '../values/exclude-entries.ts'
import { parseStatusAddress } from '../values/status-address.ts'
import { parsedBy } from '../values/value-error.ts'
import { chainOrEmpty } from './proxy.ts'
import { byteSize, count, duration, oneOrMore, text } from './scalars.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

export const accessSchema = section({
  allow: about(excludeEntries().prefault([]), {
    form: 'a list, or one text with commas',
    help: 'Destinations that are allowed although they are refused by themselves: loopback, link-local, metadata services, own ports, other containers’ networks.',
  }),
  deny: about(excludeEntries().prefault([]), {
    form: 'a list, or one text with commas',
    help: 'Destinations that nobody may reach; beats `allow`.',
  }),
})

export const timeoutsSchema = section({
  decision: duration(
    '10s',
    { min: 100, max: 5 * MINUTE },
    {
      help: 'Choosing the way: exclude list, PAC and the look-ups it asks for.',
      why: 'two tries of a resolver that waits 5 s',
    },
  ),
  dial: duration(
    '30s',
    { min: 100, max: 10 * MINUTE },
    {
      help: 'From the decision until a way out stands, over all candidates and hops.',
      why: 'the time after which docker and apt give up themselves',
    },
  ),
  attempt: duration(
    '10s',
    { min: 100, max: 10 * MINUTE },
    {
      help: 'One candidate, so that a dead one leaves time for the next.',
      why: 'a third of `dial`; three lost SYNs take 7 s',
    },
  ),
  handshake: duration(
    '10s',
    { min: 100, max: 5 * MINUTE },
    {
      help: 'One proxy’s answer to CONNECT, SOCKS or TLS, once connected.',
    },
  ),
  failureMemory: duration(
    '30s',
    { min: 0, max: 5 * MINUTE, off: true },
    {
      help: 'How long a proxy that did not answer is passed over while others are left.',
      why: 'browsers take 5 minutes, which is too long after a VPN has come up',
    },
  ),
  clientHead: duration(
    '20s',
    { min: SECOND, max: 5 * MINUTE },
    {
      help: 'From a client’s first byte to the end of its request head or SOCKS request.',
    },
  ),
  responseHead: duration(
    '5m',
    { min: SECOND, max: DAY, off: true },
    {
      help: 'From a plain-HTTP request to the head of its response. `off` leaves it to `idle`: the connection of a request in which nothing moves is closed after a good five minutes, without an answer.',
      why: 'long enough for long polls and slow builds',
    },
  ),
  keepAlive: duration(
    '30s',
    { min: SECOND, max: HOUR },
    {
      help: 'How long a client’s plain-HTTP connection is kept without a request. Towards upstreams it is 4 s, below what servers keep theirs.',
    },
  ),
  idle: duration(
    '1h',
    { min: SECOND, max: 7 * DAY, off: true },
    {
      help: 'A tunnel without a byte in either direction is closed after this. Of plain HTTP, a request in which nothing moves, also one whose client has sent FIN: after five minutes at most, or `decision`, `dial` and `responseHead` together where that is longer (`responseHead: off` counts as five minutes).',
      why: 'databases and shells are silent for long; TCP keep-alive finds dead peers after about three minutes; on Linux without koffi, and on other systems, after one',
    },
  ),
  lifetime: duration(
    'off',
    { min: SECOND, max: 365 * DAY, off: true },
    {
      help: 'A tunnel is closed after this, however busy.',
    },
  ),
  drain: duration(
    '30s',
    { min: 0, max: HOUR },
    {
      help: 'How long running flows are given after SIGTERM.',
      why: 'what Kubernetes gives a process by default',
    },
  ),
})

export const limitsSchema = section({
  connections: count(
    20_000,
    { min: 1, max: 1_000_000 },
    {
      help: 'Client connections open at once, at each door; more are refused. Each needs two file descriptors (UDP needs some too: udp.md). Of captured ones no client has more than are left free for all others.',
    },
  ),
  requestHead: byteSize(
    '64KiB',
    { min: 1024, max: 1024 * 1024 },
    {
      help: 'Request line and header fields of one request; the same for responses.',
      why: 'tokens in cookies reach 16 KiB; four times that',
    },
  ),
  idleUpstreams: count(
    256,
    { min: 0, max: 10_000 },
    {
      help: 'Plain-HTTP connections kept open for reuse, over all targets.',
    },
  ),
})

export const pacSchema = section({
  via: about(chainOrEmpty, {
    form: 'a URL, an upstream, a list of them (a chain), or a name under `upstreams`',
    help: 'The way to the server of a PAC file that is given as a URL; empty: direct. Never the way that the PAC file itself chooses.',
  }),
  refresh: duration(
    '15m',
    { min: 10 * SECOND, max: 7 * DAY },
    {
      help: 'How often a PAC file from a URL is asked for again. A file on disk is read when it changes.',
    },
  ),
  lastGoodFor: duration(
    '24h',
    { min: 0, max: 30 * DAY, off: true },
    {
      help: 'How old the last PAC file that worked may be under `onPacFailure: lastGood`. `off`, or 0: it is not used, as under `block`.',
      why: 'a working day off the VPN',
    },
  ),
  fetchTimeout: duration('10s', { min: 100, max: 5 * MINUTE }, { help: 'Fetching the PAC file.' }),
  evaluationTimeout: duration(
    '1s',
    { min: 10, max: MINUTE },
    {
      help: 'One run of the script, look-ups not counted.',
      why: 'a good script needs less than a millisecond',
    },
  ),
})

export const relaySchema = section({
  fastPath: about(z.enum(['auto', 'off']).prefault('auto'), {
    form: '`auto` or `off`',
    help: 'Let the kernel move the bytes of tunnels where it can (Linux).',
  }),
})

export const logSchema = section({
  level: about(z.enum(['debug', 'info', 'warn', 'error', 'silent']).prefault('info'), {
    form: '`debug`, `info`, `warn`, `error` or `silent`',
    help: 'The least important lines to write. Finished flows are `info`.',
  }),
  format: about(z.enum(['auto', 'pretty', 'json']).prefault('auto'), {
    form: '`auto`, `pretty` or `json`',
    help: '`auto`: for people on a terminal, JSON otherwise.',
  }),
})

export const trustSchema = section({
  ca: about(oneOrMore(text('the path of a PEM file')).prefault([]), {
    form: 'path of a PEM file, or a list of them',
    help: 'Certificate authorities that HTTPS proxies and PAC servers may be signed by, beside the system’s.',
  }),
})

export const statusSchema = section({
  listen: about(oneOrMore(parsedBy(parseStatusAddress)).prefault('auto'), {
    form: '`auto`, `off`, an address, or a list of addresses',
    help: 'Where `fairlead status` and Prometheus find the running gateway. Loopback or a UNIX socket only. `auto`: a socket in the runtime directory.',
  }),
})
