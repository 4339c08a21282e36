import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { BOX, BRIDGE, startBox } from './harness/box.ts'
import { type Policy, startGateway } from './harness/gateway.ts'
import { CORP, GATEWAY_FOR_GUEST } from './harness/lab.ts'
import { startOrigins } from './harness/origins/origins.ts'
import { takePort } from './harness/ports.ts'
import { joinScenario } from './harness/scenario.ts'

// Containers' DNS, asked with dig: addressed and captured, on hosts that have both families, or one; and what the names lead to.

const scenario = await joinScenario(t)
const origins = await startOrigins(scenario)
const box = await startBox(scenario)
const UPSTREAM = CORP['origin.test']
/** A cable of its own for IPv6, whose other end can lose power: addresses and routes stay, and lead nowhere. */
const SIX = { here: 'fd77:6::1', there: 'fd77:6::2' } as const
/** The server as the box addresses it, and one that does not exist: what is sent there is captured. */
const ADDRESSED = '10.77.5.1'
const NOBODY = ['198.51.100.7', '2001:db8:53::7'] as const
/** How soon `auto` has to follow. */
const SECONDS_MS = 10_000

const ip = async (host: 'gateway' | 'corp', ...args: string[]) => {
  const { code, stderr } = await scenario.run(host, ['ip', ...args])
  if (code !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`)
}
await ip('gateway', 'link', 'add', 'six', 'type', 'veth', 'peer', 'name', 'six', 'netns', scenario.lab.namespaces.corp)
scenario.undo.push('the second cable', () => ip('gateway', 'link', 'delete', 'six'))
await ip('gateway', 'address', 'add', `${SIX.here}/64`, 'dev', 'six', 'nodad')
await ip('gateway', 'link', 'set', 'six', 'up')
const plugSix = async () => {
  await ip('corp', 'link', 'set', 'six', 'up')
  await ip('corp', 'address', 'replace', `${SIX.there}/64`, 'dev', 'six', 'nodad')
}
const pull = (cable: 'six') => ip('corp', 'link', 'set', cable, 'down')
await plugSix()
/** Nothing of IPv4 is answered any more, on a host that keeps its address and its route: it is one with IPv6 only. */
const darken = () => nft('add table ip dark; add chain ip dark in { type filter hook input priority 0; policy drop; }')
const lighten = () => nft('delete table ip dark')
const nft = async (script: string) => {
  const { code, stderr } = await scenario.run('corp', ['nft', script])
  if (code !== 0) throw new Error(`nft ${script}: ${stderr}`)
}

// Written in place: the namespaces' programs see this very file.
const resolvConf = `/etc/netns/${scenario.lab.namespaces.gateway}/resolv.conf`
const resolvBefore = readFileSync(resolvConf, 'utf8')
scenario.undo.push('resolv.conf', () => writeFileSync(resolvConf, resolvBefore))
writeFileSync(resolvConf, `nameserver ${UPSTREAM}\nnameserver ${SIX.there}\noptions timeout:1 attempts:1\n`)
const text = 'x'.repeat(250)
const dnsmasq = scenario.start('corp', 'dnsmasq', [
  ...['dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--pid-file'],
  ...['--user=root', '--bind-dynamic', `--listen-address=${UPSTREAM}`, `--listen-address=${SIX.there}`],
  ...['--local=/names.test/', '--host-record=both.names.test,192.0.2.1,2001:db8::1'],
  ...[`--host-record=alias.names.test,${UPSTREAM}`, '--mx-host=names.test,both.names.test,7'],
  ...[`--txt-record=large.names.test,${Array.from({ length: 12 }, () => text).join(',')}`],
  ...Array.from({ length: 200 }, (_, at) => `--host-record=many.names.test,192.0.2.${at + 1}`),
  ...['--edns-packet-max=4096', '--log-queries', '--log-facility=-'],
])
await dnsmasq.until('started', () => dnsmasq.stderr.includes('started'))
const silentPort = takePort()
const silent = scenario.start('corp', 'silent-dns', [
  ...[
    'node',
    '-e',
    `require('dgram').createSocket('udp4').bind(${silentPort}, '${UPSTREAM}', () => console.log('ready'))`,
  ],
])
await silent.until('ready', () => silent.stdout.includes('ready'))

const FEIGNED = fileURLToPath(new URL('./harness/udp/feigned.py', import.meta.url))
const FLOOD = fileURLToPath(new URL('./harness/udp/flood-dns.mjs', import.meta.url))
const containersPort = takePort()
const start = (dns: object = {}, policy: Policy = {}, by: readonly string[] = []) =>
  startGateway(
    scenario,
    {
      capture: { enabled: true, networks: [], interfaces: [BRIDGE] },
      dns: {
        listen: { address: `${ADDRESSED}:53`, from: ['10.77.5.0/24', 'fd77:5::/64'] },
        probe: [`${UPSTREAM}:53`, `[${SIX.there}]:53`],
        timeout: '2s',
        ...dns,
      },
      ...policy,
    },
    {
      by,
      listen: {
        mixed: { address: `${GATEWAY_FOR_GUEST}:${containersPort}`, scope: 'containers', from: ['10.77.5.0/24'] },
      },
    },
  )

interface Dug {
  readonly status: string | undefined
  readonly answers: readonly string[]
  readonly ms: number
  readonly output: string
}
const dig = async (name: string, type: string, server: string = ADDRESSED, ...more: string[]): Promise<Dug> => {
  const done = await box.run(['dig', '+tries=1', '+time=8', ...more, `@${server}`, name, type])
  const answer = done.stdout.split(';; ANSWER SECTION:\n')[1]?.split('\n\n')[0] ?? ''
  return {
    status: /status: (\w+)/.exec(done.stdout)?.[1],
    answers: answer.split('\n').flatMap((line) => (line === '' ? [] : [line.split(/\s+/).slice(4).join(' ')])),
    ms: done.ms,
    output: done.stdout,
  }
}
const ways = [
  ['addressed', ADDRESSED, []],
  ['addressed, TCP', ADDRESSED, ['+tcp']],
  ['captured', NOBODY[0], []],
  ['captured, TCP', NOBODY[0], ['+tcp']],
  ['captured, IPv6', NOBODY[1], []],
  ['captured, TCP over IPv6', NOBODY[1], ['+tcp']],
] as const

await t.test('both families, every way of asking', async (t) => {
  const gateway = await start()
  for (const [way, server, more] of ways) {
    await t.test(way, async (t) => {
      t.match(await dig('both.names.test', 'A', server, ...more), { status: 'NOERROR', answers: ['192.0.2.1'] })
      t.match(await dig('both.names.test', 'AAAA', server, ...more), { status: 'NOERROR', answers: ['2001:db8::1'] })
      t.match(await dig('none.names.test', 'A', server, ...more), { status: 'NXDOMAIN', answers: [] })
      t.match(await dig('names.test', 'MX', server, ...more), { status: 'NOERROR', answers: ['7 both.names.test.'] })
      const large = await dig('large.names.test', 'TXT', server, ...more)
      t.equal(large.answers.join('').split(text).length - 1, 12, 'a large answer comes whole')
      const cut = await dig('large.names.test', 'TXT', server, ...more, '+ignore')
      if (!more.length) t.match(cut.output, /flags:[^;]* tc/, 'over UDP it says that it is cut')
      t.match(await dig('host.docker.internal', 'A', server, ...more), { answers: ['192.168.65.254'] })
      t.match(await dig('http.docker.internal', 'A', server, ...more), { answers: ['192.168.65.1'] })
      t.match(await dig('http.docker.internal', 'AAAA', server, ...more), { status: 'NOERROR', answers: [] })
    })
  }
  await gateway.running.stop()
})

await t.test('an answered name is the name of the connection', async (t) => {
  const gateway = await start(
    {},
    { containersProxy: { mode: 'manual', https: 'http://10.77.2.99:1', exclude: ['alias.names.test'] } },
  )
  t.match(await dig('alias.names.test', 'A', NOBODY[0]), { answers: [UPSTREAM] })
  const talked = await box.talk(UPSTREAM, origins.ports.banner, { say: ['hello\r\n'], enough: 40 })
  t.match(talked.heard, 'origin speaks first')
  const line = await gateway.flow('banner', ({ target }) => target === `alias.names.test:${origins.ports.banner}`)
  t.match(line, { route: 'direct', captured: { dialled: `${UPSTREAM}:${origins.ports.banner}`, nameSource: 'dns' } })
  await gateway.running.stop()
})

await t.test('the host’s loopback and the gateway’s own proxy, by their names', async (t) => {
  const gateway = await start()
  const server = createServer((request, response) => response.end(`loopback of the host: ${request.headers.host}`))
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const [host] = (await dig('host.docker.internal', 'A', NOBODY[0])).answers
  const [own] = (await dig('http.docker.internal', 'A', NOBODY[0])).answers
  const curl = async (...args: string[]) => (await box.run(['curl', '-q', '-sS', '-m', '5', ...args])).stdout
  const url = `http://host.docker.internal:${port}/`
  t.match(await curl('--resolve', `host.docker.internal:${port}:${host}`, url), 'loopback of the host')
  t.match(await curl('-x', `http://${own}:3128`, url), 'loopback of the host', 'by the proxy too')
  t.match(await curl('-p', '-x', `socks5h://${own}:3128`, url), 'loopback of the host', 'by SOCKS')
  t.match(await curl('-x', `http://${own}:3128`, `http://${origins.address}:${origins.ports.http}/`), '"from"')
  const line = await gateway.flow(
    'the proxy’s flow',
    ({ target }) => target === `${origins.address}:${origins.ports.http}`,
  )
  t.match(line, { scope: 'containers', client: new RegExp(`^${BOX.ipv4}:`) }, 'the container is the client')
  t.notMatch(
    await curl('-x', `http://${own}:3128`, `http://127.0.0.1:${port}/`),
    'loopback of the host',
    'not as a local client',
  )
  await gateway.running.stop()
})

await t.test('upstream servers that say nothing, or are not there: SERVFAIL in time', async (t) => {
  const gateway = await start({
    zones: {
      'silent.test': `${UPSTREAM}:${silentPort}`,
      'dead.test': `${UPSTREAM}:${takePort()}`,
      'gone.test': '10.77.2.99:53',
    },
  })
  for (const zone of ['silent.test', 'dead.test', 'gone.test']) {
    for (const server of [ADDRESSED, NOBODY[0]]) {
      const dug = await dig(`www.${zone}`, 'A', server)
      t.equal(dug.status, 'SERVFAIL', `${zone} at ${server}`)
      t.ok(dug.ms < 10_000, `after ${Math.round(dug.ms)} ms`)
    }
  }
  t.match(await dig('both.names.test', 'A'), { answers: ['192.0.2.1'] }, 'others are still answered')
  await gateway.running.stop()
})

await t.test('a client that asks thousands of questions waits behind itself, and nobody else does', async (t) => {
  const gateway = await start()
  const OTHER = '10.77.5.77'
  t.equal((await box.run(['ip', 'address', 'add', `${OTHER}/24`, 'dev', 'eth0'])).code, 0)
  const flooded = async () => {
    const done = await box.run(['node', FLOOD, NOBODY[0], OTHER, '20000', 'many.names.test', 'both.names.test'])
    t.equal(done.code, 0, done.stderr)
    return JSON.parse(done.stdout || '{}') as { alone: number; behind: number }
  }
  let { alone, behind } = await flooded()
  // The machine itself may have stood still, but not each time.
  for (let again = 0; again < 2 && !(behind < 3_000); again += 1) ({ alone, behind } = await flooded())
  t.ok(behind < 3_000, `${behind} ms; alone ${alone} ms`)
  await box.run(['ip', 'address', 'delete', `${OTHER}/24`, 'dev', 'eth0'])
  await gateway.running.stop()
})

await t.test('families by setting', async (t) => {
  for (const [settings, a, aaaa] of [
    [{ defaultNetworkingMode: 'ipv4only' }, 1, 0],
    [{ defaultNetworkingMode: 'ipv6only' }, 0, 1],
    [{ dnsInhibition: 'ipv4' }, 0, 1],
    [{ dnsInhibition: 'ipv6' }, 1, 0],
    [{ dnsInhibition: 'none' }, 1, 1],
  ] as const) {
    const gateway = await start({}, settings)
    const [four, six] = [await dig('both.names.test', 'A'), await dig('both.names.test', 'AAAA')]
    t.match(
      [four.status, four.answers.length, six.status, six.answers.length],
      ['NOERROR', a, 'NOERROR', aaaa],
      JSON.stringify(settings),
    )
    t.equal((await dig('none.names.test', 'AAAA')).status, 'NXDOMAIN')
    await gateway.running.stop()
  }
})

await t.test('questions from addresses that nobody has keep no answer from others', async (t) => {
  const gateway = await start()
  for (const server of [NOBODY[0], ADDRESSED]) {
    const done = await box.run(['python3', FEIGNED, server, '53', '10.77.5', '200', '1000', 'both.names.test'])
    t.equal(done.code, 0, done.stderr)
    t.match(done.stdout, /^\[\d+(, \d+){3}\]$/m, `${server}: each of four: ${done.stdout}`)
  }
  await gateway.running.stop()
})

await t.test('nobody asks in the name of a client of another network', async (t) => {
  const gateway = await start({ listen: { address: `${ADDRESSED}:53`, from: ['10.77.0.0/16'] } })
  const OTHER = '10.77.1.2' // behind another interface
  t.equal((await box.run(['ip', 'address', 'add', `${OTHER}/32`, 'dev', 'lo'])).code, 0)
  for (const server of [ADDRESSED, NOBODY[0]]) {
    await box.run(['dig', '+tries=1', '+time=1', '-b', OTHER, `@${server}`, 'feigned.names.test'])
    const own = `own-${server}.names.test`
    t.equal((await dig(own, 'A', server)).status, 'NXDOMAIN')
    await dnsmasq.until('the own question', () => dnsmasq.stderr.includes(own))
    t.notMatch(dnsmasq.stderr, 'feigned.names.test', `to ${server}`)
  }
  await box.run(['ip', 'address', 'delete', `${OTHER}/32`, 'dev', 'lo'])
  await gateway.running.stop()
})

await t.test('without CAP_NET_RAW, answers come from ports that somebody has at every address', async (t) => {
  const by = ['setpriv', '--bounding-set=-net_raw', '--inh-caps=-net_raw', '--ambient-caps=-net_raw']
  const everywhere = await start({ listen: { address: '0.0.0.0:53', from: ['10.77.5.0/24'] } }, {}, by)
  for (const server of [ADDRESSED, NOBODY[0]]) {
    t.match(await dig('both.names.test', 'A', server), { answers: ['192.0.2.1'] }, `our own door does: ${server}`)
    t.match(
      await dig('names.test', 'MX', server),
      { answers: ['7 both.names.test.'] },
      'the host’s server is not the door',
    )
  }
  await everywhere.running.stop()

  const script = "require('dgram').createSocket('udp4').bind(53, () => console.log('ready'))"
  const other = scenario.start('gateway', 'another-server', ['node', '-e', script])
  await other.until('ready', () => other.stdout.includes('ready'))
  const gateway = await start({ listen: { address: `${ADDRESSED}:${takePort()}`, from: ['10.77.5.0/24'] } }, {}, by)
  for (const server of NOBODY) {
    t.match(await dig('both.names.test', 'A', server), { answers: ['192.0.2.1'] }, `another program does: ${server}`)
  }
  t.notMatch(JSON.stringify(gateway.log()), /port 53 at every address/)
  t.notMatch(JSON.stringify(gateway.log()), /feigns/)
  await gateway.running.stop()
  await other.stop()
})

await t.test('at every address, each answer comes from the address that was asked', async (t) => {
  // As the bridge of a network in which nothing runs: its address is there, without a carrier.
  const bridge = async (name: string, ...addresses: string[]) => {
    await ip('gateway', 'link', 'add', name, 'type', 'bridge')
    scenario.undo.push(name, () => ip('gateway', 'link', 'delete', name))
    for (const address of addresses) {
      await ip('gateway', 'address', 'add', address, 'dev', name, ...(address.includes(':') ? ['nodad'] : []))
    }
    await ip('gateway', 'link', 'set', name, 'up')
  }
  await bridge('first', '10.77.8.1/24', 'fd77:8::1/64')
  const from = ['10.77.5.0/24', 'fd77:5::/64']
  const listen = ['0.0.0.0:53', '[::]:53'].map((address) => ({ address, from }))
  for (const policy of [{ capture: { enabled: false } }, {}]) {
    const gateway = await start({ listen }, policy)
    const how = `capture ${JSON.stringify(policy)}`
    // dig takes no answer from another address than it has asked.
    for (const server of ['10.77.8.1', 'fd77:8::1', ADDRESSED, 'fd77:5::1']) {
      t.match(
        await dig('both.names.test', 'A', server, '+time=3'),
        { status: 'NOERROR', answers: ['192.0.2.1'] },
        `${server}, ${how}`,
      )
    }
    await gateway.running.stop()
  }
  const gateway = await start({ listen })
  await bridge('second', '10.77.9.1/24', 'fd77:9::1/64')
  for (const server of ['10.77.9.1', 'fd77:9::1']) {
    const began = performance.now()
    for (;;) {
      const { status } = await dig('both.names.test', 'A', server, '+time=1')
      if (status === 'NOERROR' || performance.now() - began > SECONDS_MS) {
        t.equal(status, 'NOERROR', `${server} has come later`)
        break
      }
    }
  }
  await gateway.running.stop()
})

await t.test('auto follows a link that goes down and comes up', async (t) => {
  const gateway = await start()
  const until = async (type: string, count: number) => {
    const began = performance.now()
    for (;;) {
      const { status, answers } = await dig('both.names.test', type, NOBODY[0])
      const ms = Math.round(performance.now() - began)
      if (answers.length === count) return { status, ms }
      if (ms > SECONDS_MS) return { status: `${status} with ${answers.length} addresses still`, ms }
      await delay(100)
    }
  }
  const seen = async (what: string, type: string, count: number) => {
    const { status, ms } = await until(type, count)
    t.equal(status, 'NOERROR', what)
    t.ok(ms < SECONDS_MS, `${what}: after ${ms} ms`)
    t.comment(`${what}: ${ms} ms`)
  }
  await seen('both families', 'AAAA', 1)
  await pull('six')
  await seen('IPv4 only: no AAAA', 'AAAA', 0)
  t.match(await dig('both.names.test', 'A'), { answers: ['192.0.2.1'] })
  await plugSix()
  await seen('IPv6 is back: AAAA', 'AAAA', 1)

  await darken()
  await seen('IPv6 only: no A', 'A', 0)
  for (const [way, server, more] of ways) {
    t.match(await dig('both.names.test', 'AAAA', server, ...more), { status: 'NOERROR', answers: ['2001:db8::1'] }, way)
    t.match(await dig('both.names.test', 'A', server, ...more), { status: 'NOERROR', answers: [] }, `${way}: NODATA`)
    t.match(await dig('names.test', 'MX', server, ...more), { status: 'NOERROR', answers: ['7 both.names.test.'] })
    t.match(await dig('none.names.test', 'A', server, ...more), { status: 'NXDOMAIN', answers: [] })
  }
  await lighten()
  await seen('IPv4 is back: A', 'A', 1)
  await gateway.running.stop()
})
