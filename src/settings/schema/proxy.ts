import { z } from 'zod'
import { about, section } from '../about.ts'
import { excludeEntries } from '../values/exclude-entries.ts'
import { parsePacLocation, parsePacScript } from '../values/pac-location.ts'
import { parsePortRanges } from '../values/port-ranges.ts'
import { parseUpstreamReference } from '../values/upstream-reference.ts'
import { parsedBy } from '../values/value-error.ts'
import { oneOrMore, optionalSecret } from './scalars.ts'

const upstreamKeys = {
  url: about(parsedBy(parseUpstreamReference), {
    form: 'URL of a proxy, or a name under `upstreams`',
    hides: 'user-info',
    help: '`http`, `https`, `socks4`, `socks4a`, `socks5` or `socks5h`; ports 80, 443 and 1080 where none is given.',
  }),
  username: optionalSecret({
    help: 'User name at this proxy.',
    absent: 'none',
  }),
  password: optionalSecret({
    help: 'Password at this proxy.',
    absent: 'none',
  }),
}

const upstream = z.preprocess((value) => (typeof value === 'string' ? { url: value } : value), section(upstreamKeys))

/** One hop or a chain of them, in the order traffic passes them. */
export const chainSchema = oneOrMore(upstream)

/** The reference's files hold `""` for what is not set. */
export const chainOrEmpty = z.preprocess((value) => (value === '' ? [] : value), chainSchema).prefault([])

const commonKeys = {
  locked: about(z.boolean().prefault(false), {
    form: '`true` or `false`',
    help: 'Whether a source of lower rank may change this group: see “Where a value comes from”.',
  }),
  mode: about(z.enum(['manual', 'system', 'none']).optional(), {
    form: '`manual`, `system` or `none`',
    help: '`manual`: what stands here. `system`: what the host’s environment says (`HTTP_PROXY` and its kin). `none`: direct.',
    absent: '`manual` if any of `http`, `https`, `exclude`, `pac`, `embeddedPac` is given, else `none`',
  }),
  http: about(chainOrEmpty, {
    form: 'a URL, an upstream, a list of them (a chain), or a name under `upstreams`',
    help: 'The way out for `http` targets.',
  }),
  https: about(chainOrEmpty, {
    form: 'a URL, an upstream, a list of them (a chain), or a name under `upstreams`',
    help: 'The way out for everything else: `https`, and tunnels to any port but 80. SOCKS goes here.',
  }),
  exclude: about(excludeEntries().prefault([]), {
    form: 'a list, or one text with commas',
    help: 'What goes direct. When `http` and `https` are both empty, everything else is refused.',
  }),
  pac: about(parsedBy(parsePacLocation).optional(), {
    form: 'URL or path of a PAC file',
    help: 'A script that decides; beats `http`, `https` and `exclude`.',
    absent: 'none',
  }),
  embeddedPac: about(parsedBy(parsePacScript).optional(), {
    form: 'the script itself',
    help: 'Beats `pac` and everything else.',
    absent: 'none',
  }),
  onPacFailure: about(z.enum(['block', 'lastGood', 'direct']).optional(), {
    form: '`block`, `lastGood` or `direct`',
    help: 'What to do while the PAC file cannot be had or does not load. `lastGood` uses the last one that did for `pac.lastGoodFor`, then blocks. What a script fails to decide is blocked, unless this is `direct`; where it had no turn, or too little of a processor, because others were decided or slow names looked up, it is blocked in any case (`LIMIT_REACHED`). Settings that name a path are refused while no file can be read there, whatever stands here, and so are those saved while the gateway runs whose script can be had and does not load.',
    absent: '`lastGood`; where `locked` is true: `block`',
  }),
}

export const proxySchema = section({
  ...commonKeys,
  enableKerberosNtlm: about(z.boolean().prefault(false), {
    form: '`true` or `false`',
    help: 'Reserved for upstream authentication with the host’s own log-in.',
  }),
  windowsDockerdPort: about(z.int().min(0).max(65_535).optional(), {
    form: 'port',
    help: 'Where the engine for Windows containers finds the proxy.',
    absent: 'none',
  }),
})

export const containersProxySchema = section({
  ...commonKeys,
  transparentPorts: about(parsedBy(parsePortRanges).prefault('*'), {
    form: '`"80,443"`, `"8000-8999"`, `"*"`, or a list',
    help: 'TCP ports of containers that are taken in without their knowing. An empty text: none.',
    why: 'one policy for everything that leaves',
  }),
})
