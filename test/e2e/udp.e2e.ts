import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { type Gateway, type Policy, startGateway } from './harness/gateway.ts'
import { CORP, CORP_IPV6, GATEWAY_FOR_CORP, GATEWAY_FOR_GUEST, GATEWAY_IPV6 } from './harness/lab.ts'
import { startDante } from './harness/peers/dante.ts'
import { takePort } from './harness/ports.ts'
import { joinScenario } from './harness/scenario.ts'

// Datagrams of a guest that knows nothing of proxies: direct, refused, and through dante's UDP ASSOCIATE.

const UDP = fileURLToPath(new URL('./harness/udp', import.meta.url))
const ORIGIN = CORP['origin.test']
const ORIGIN6 = CORP_IPV6['origin.test']
/** How soon a refusal has to be there for a browser to fall back without its user noticing. */
const AT_ONCE_MS = 250

const scenario = await joinScenario(t)
const ip = async (host: 'guest' | 'gateway', ...args: string[]) => {
  const { code, stderr } = await scenario.run(host, ['ip', ...args])
  if (code !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`)
}
// The guest sends everything to the gateway, as containers do, over IPv4 and IPv6.
await ip('gateway', 'address', 'add', 'fd77:1::1/64', 'dev', 'guest', 'nodad')
await ip('guest', 'address', 'add', 'fd77:1::2/64', 'dev', 'gw', 'nodad')
await ip('guest', 'route', 'add', 'default', 'via', GATEWAY_FOR_GUEST)
await ip('guest', '-6', 'route', 'add', 'default', 'via', 'fd77:1::1')
scenario.undo.push('the guest’s routes', async () => {
  await ip('guest', 'route', 'delete', 'default')
  await ip('guest', '-6', 'route', 'delete', 'default')
  await ip('guest', 'address', 'delete', 'fd77:1::2/64', 'dev', 'gw')
  await ip('gateway', 'address', 'delete', 'fd77:1::1/64', 'dev', 'guest')
})

const echo = takePort()
const places = [ORIGIN, ORIGIN6].flatMap((address) => [echo, 123, 443].flatMap((port) => [address, String(port)]))
const echoes = scenario.start('corp', 'udp-echo', [process.execPath, join(UDP, 'echo.mjs'), ...places])
await echoes.until('ready', () => echoes.stdout.includes('ready'))
const dnsmasq = scenario.start('corp', 'dnsmasq', [
  ...[
    'dnsmasq',
    '--keep-in-foreground',
    '--conf-file=/dev/null',
    '--no-resolv',
    '--no-hosts',
    '--pid-file',
    '--user=root',
  ],
  ...[
    '--bind-interfaces',
    `--listen-address=${ORIGIN}`,
    `--listen-address=${ORIGIN6}`,
    '--address=/answer.test/192.0.2.53',
  ],
  ...['--log-queries', '--log-facility=-'],
])
await dnsmasq.until('started', () => dnsmasq.stderr.includes('started'))

interface Asked {
  readonly reply?: { readonly seen: string; readonly bytes: number; readonly from: string; readonly port: number }
  readonly error?: string
  readonly ms: number
}

const ask = async (address: string, port: number, bytes = 5, ...source: string[]): Promise<Asked> => {
  const argv = ['node', join(UDP, 'ask.mjs'), address, String(port), String(bytes), ...source]
  return JSON.parse((await scenario.run('guest', argv)).stdout) as Asked
}
const dig = async (server: string) => {
  const { stdout } = await scenario.run('guest', [
    'dig',
    '+short',
    '+tries=1',
    '+time=2',
    `@${server}`,
    'answer.test',
    'A',
  ])
  return stdout.trim()
}
const capturing = (policy: Policy, by: readonly string[] = []): Promise<Gateway> =>
  startGateway(scenario, { capture: { enabled: true, networks: [], interfaces: ['guest'] }, ...policy }, { by })

/** What the kernel has of ours. */
async function left(): Promise<string> {
  const { stdout: tables } = await scenario.run('gateway', ['nft', 'list', 'tables'])
  const { stdout: rules } = await scenario.run('gateway', ['ip', 'rule', 'show'])
  const { stdout: sockets } = await scenario.run('gateway', ['ss', '-Huan'])
  return [tables, ...rules.split('\n').filter((line) => line.includes('fwmark')), sockets].join('').trim()
}

await t.test('direct', async (t) => {
  const gateway = await capturing({})
  t.equal(await dig(ORIGIN), '192.0.2.53', 'DNS')
  t.equal(await dig(ORIGIN6), '192.0.2.53', 'DNS over IPv6')
  t.match(await ask(ORIGIN, echo), { reply: { seen: GATEWAY_FOR_CORP, bytes: 5, from: ORIGIN, port: echo } })
  t.match(await ask(ORIGIN6, echo), { reply: { seen: GATEWAY_IPV6, bytes: 5, from: ORIGIN6, port: echo } })
  t.match(await ask(ORIGIN, echo, 60_000), { reply: { bytes: 60_000 } }, 'a large one, in many IP fragments')
  t.match(await ask(ORIGIN, echo, 0), { reply: { bytes: 0 } }, 'an empty one')
  t.match(await ask(ORIGIN, 443), { reply: { from: ORIGIN, port: 443 } }, 'QUIC, without a policy')
  const closed = await ask(ORIGIN, takePort())
  t.equal(closed.error, 'ECONNREFUSED', 'a closed port is told')
  t.ok(closed.ms < AT_ONCE_MS, `${closed.ms} ms`)
  gateway.running.signal('SIGTERM')
  const line = await gateway.flow('DNS', ({ protocol, target }) => protocol === 'udp' && target === `${ORIGIN}:53`)
  t.match(line, { scope: 'containers', decision: 'direct', route: 'direct', packetsUp: 1, packetsDown: 1 })
  await gateway.running.exited
  t.equal(await left(), '', 'nothing is left')
})

await t.test('a program of the gateway’s host has the same port, at every address', async (t) => {
  const places = ['::', String(echo)]
  const own = scenario.start('gateway', 'udp-echo', [process.execPath, join(UDP, 'echo.mjs'), ...places])
  await own.until('ready', () => own.stdout.includes('ready'))
  const gateway = await capturing({})
  t.match(await ask(ORIGIN, echo), { reply: { seen: GATEWAY_FOR_CORP, bytes: 5, from: ORIGIN, port: echo } })
  t.match(await ask(ORIGIN6, echo), { reply: { seen: GATEWAY_IPV6, bytes: 5, from: ORIGIN6, port: echo } })
  t.match(await ask(ORIGIN, echo, 20_000), { reply: { bytes: 20_000 } }, 'a large one, in IP fragments')
  await gateway.running.stop()
  await own.stop()
})

await t.test('with CAP_NET_ADMIN alone: answers from ports that the gateway may not have', async (t) => {
  const nft = (script: string) => scenario.run('gateway', ['nft', '-f', '-'], { stdin: script })
  // What the host sees of what goes to the guest: conversations of the gateway's own, ports that are nobody's, and packets of a rank.
  const odd = ['ct direction original', 'udp sport != { 53, 123 }', 'meta priority != 0', 'udp checksum 0']
  const chain = `type filter hook postrouting priority 0; oifname != "guest" return; ${odd.map((match) => `meta l4proto udp ${match} counter`).join('; ')};`
  t.match(await nft(`table inet watch { chain out { ${chain} }; }`), { code: 0 })
  t.teardown(() => nft('delete table inet watch'))
  const alone = ['setpriv', '--bounding-set=-all,+net_admin', '--inh-caps=-all,+net_admin', '--ambient-caps=-all']
  const gateway = await capturing({}, alone)
  t.match((await scenario.run('gateway', ['sysctl', '-n', 'net.ipv4.ip_unprivileged_port_start'])).stdout, /^1024$/m)
  t.match(readFileSync(`/proc/${gateway.running.pid}/status`, 'utf8'), /^CapEff:\t0{12}1000$/m)
  for (const origin of [ORIGIN, ORIGIN6]) {
    t.equal(await dig(origin), '192.0.2.53', `DNS, ${origin}`)
    for (const bytes of [0, 48, 1_400, 20_000])
      t.match(await ask(origin, 123, bytes), { reply: { bytes, from: origin, port: 123 } }, `${bytes} bytes`)
  }
  const { stdout } = await scenario.run('gateway', ['nft', 'list', 'table', 'inet', 'watch'])
  t.strictSame(stdout.match(/packets \d+/g), ['packets 0', 'packets 0', 'packets 0', 'packets 0'], stdout)
  t.notMatch(JSON.stringify(gateway.log()), /NET_BIND_SERVICE|1024/)

  // Beside a program that has the port at every address.
  const own = scenario.start('gateway', 'udp-echo', [process.execPath, join(UDP, 'echo.mjs'), '::', String(echo)])
  await own.until('ready', () => own.stdout.includes('ready'))
  for (const origin of [ORIGIN, ORIGIN6])
    t.match(await ask(origin, echo, 48), { reply: { from: origin, port: echo } }, `${origin}, beside a program`)
  await own.stop()
  await gateway.running.stop()
  t.equal(gateway.log().filter(({ msg }) => /at every address/.test(msg ?? '')).length, 0)
})

await t.test(
  'a conversation that the host translated before: it comes in the guest’s name, not in the host’s',
  async (t) => {
    // As an engine does for its containers.
    const masquerading = `table ip engine { chain post { type nat hook postrouting priority srcnat; oifname "corp" masquerade; }; }
table ip6 engine { chain post { type nat hook postrouting priority srcnat; oifname "corp" masquerade; }; }`
    const sh = (script: string) => scenario.run('gateway', ['sh', '-c', script])
    const forward = (value: 0 | 1) =>
      sh(`sysctl -qw net.ipv4.ip_forward=${value} net.ipv6.conf.all.forwarding=${value}`)
    t.teardown(async () => {
      await sh('nft delete table ip engine; nft delete table ip6 engine')
      await forward(0)
    })
    t.equal((await forward(1)).code, 0)
    t.equal((await scenario.run('gateway', ['nft', '-f', '-'], { stdin: masquerading })).code, 0)
    const asking = [ORIGIN, ORIGIN6].map((address) =>
      scenario.start('guest', 'keep-asking', ['node', join(UDP, 'keep-asking.mjs'), address, String(echo)]),
    )
    for (const one of asking) await one.until('replies, by the host’s own forwarding', () => one.stdout !== '')
    const gateway = await capturing({})
    const answered = asking.map(({ stdout }) => stdout.length)
    for (const [at, one] of asking.entries())
      await one.until('replies, captured', () => one.stdout.length > answered[at]! + 100)
    for (const one of asking) await one.stop()
    await gateway.running.stop()
    const clients = gateway.flows().map(({ client }) => String(client).replace(/:\d+$/, ''))
    t.strictSame(clients.toSorted(), ['10.77.1.2', '[fd77:1::2]'])
  },
)

await t.test('a source that is another’s, or of the link alone: nothing goes out, by whatever rule', async (t) => {
  const gateway = await capturing({})
  const FEIGNED = ['192.0.2.77', '2001:db8:77::1'] as const
  for (const address of FEIGNED) await scenario.run('guest', ['ip', 'address', 'add', address, 'dev', 'lo'])
  const link = (await scenario.run('guest', ['ip', '-6', '-o', 'address', 'show', 'scope', 'link'])).stdout
  const [, name, linkLocal] = /^\d+: (\S+) +inet6 (fe80:[0-9a-f:]+)/m.exec(link)!
  for (const [address, source] of [
    [ORIGIN, FEIGNED[0]],
    [ORIGIN6, FEIGNED[1]],
    [ORIGIN6, `${linkLocal}%${name}`],
  ] as const) {
    const { reply, error } = await ask(address, echo, 5, source)
    t.equal(reply, undefined, `${source} to ${address}: ${error}`)
  }
  t.match(await ask(ORIGIN6, echo), { reply: { seen: GATEWAY_IPV6 } }, 'its own address')
  for (const address of FEIGNED) await scenario.run('guest', ['ip', 'address', 'del', address, 'dev', 'lo'])
  await gateway.running.stop()
  const seen = gateway.flows().map(({ client }) => client)
  t.equal(seen.length, 1, `flows of ${seen.join(', ')}`)
})

await t.test('refused: the client knows at once', async (t) => {
  const gateway = await capturing({ udp: { containers: 'deny' } })
  for (const [address, port] of [
    [ORIGIN, echo],
    [ORIGIN, 443],
    [ORIGIN6, echo],
    [ORIGIN6, 443],
  ] as const) {
    const asked = await ask(address, port)
    t.equal(asked.error, 'ECONNREFUSED', `[${address}]:${port}`)
    t.ok(asked.ms < AT_ONCE_MS, `${asked.ms} ms`)
  }
  await gateway.running.stop()
})

await t.test('datagrams from addresses that nobody has keep neither answers nor refusals from others', async (t) => {
  const gateway = await capturing({ access: { deny: ['10.77.2.98'] } })
  for (const [address, port, addresses, rate] of [
    [ORIGIN, echo, 100, 300],
    [ORIGIN, echo, 1, 1_000],
    ['10.77.2.98', 9, 5, 1_500],
  ] as const) {
    const argv = ['python3', join(UDP, 'feigned.py'), address, port, '10.77.1', addresses, rate].map(String)
    const done = await scenario.run('guest', argv, { timeoutMs: 30_000 })
    t.equal(done.code, 0, done.stderr)
    t.match(done.stdout, /^\[\d+(, \d+){3}\]$/m, `${address}:${port}: each of four: ${done.stdout}`)
  }
  await gateway.running.stop()
})

await t.test('an HTTP proxy carries none: what the policy sends direct goes, the rest is refused', async (t) => {
  const gateway = await capturing({ containersProxy: { https: 'http://squid.corp.test:1', exclude: [ORIGIN] } })
  t.match(await ask(ORIGIN, echo), { reply: { seen: GATEWAY_FOR_CORP } }, 'excluded')
  const [refused, quic] = [await ask(ORIGIN6, echo), await ask(ORIGIN, 443)]
  t.equal(refused.error, 'ECONNREFUSED')
  t.ok(refused.ms < AT_ONCE_MS, `${refused.ms} ms`)
  t.equal(quic.error, 'ECONNREFUSED', 'QUIC under a policy')
  t.ok(quic.ms < AT_ONCE_MS, `${quic.ms} ms`)
  await gateway.flow(
    'the refusal',
    ({ target, error }) => target === `[${ORIGIN6}]:${echo}` && error?.code === 'POLICY_REJECTED',
  )
  await gateway.running.stop()
})

for (const password of [false, true]) {
  await t.test(`through dante’s UDP ASSOCIATE${password ? ', with a password' : ''}`, async (t) => {
    const dante = await startDante(scenario, { password })
    const gateway = await capturing({ containersProxy: { https: dante.url('socks5') } })
    const asked = await ask(ORIGIN, echo)
    t.match(
      asked,
      { reply: { seen: CORP['dante.corp.test'], bytes: 5, from: ORIGIN, port: echo } },
      'from the address it was sent to',
    )
    t.equal(await dig(ORIGIN), '192.0.2.53', 'DNS')
    t.match(
      dnsmasq.stderr + dnsmasq.stdout,
      new RegExp(`answer\\.test from ${CORP['dante.corp.test']}`),
      'asked by dante',
    )
    t.equal((await ask(ORIGIN, 443)).error, 'ECONNREFUSED', 'QUIC')
    t.match(dante.log(), /udp/i, 'dante’s log tells of it')
    await dante.running.stop()
    gateway.running.signal('SIGTERM')
    await gateway.flow(
      'dante',
      ({ route, packetsDown }) => route === `socks5://dante.corp.test:${dante.port}` && packetsDown === 1,
    )
    await gateway.running.exited
  })
}

await t.test('2,000 clients of one guest: bounded, none mixed up, and those with a place are served', async (t) => {
  // What these do not need of the limit on open files is UDP's: a limit of 20,000 has room for all of it.
  const gateway = await capturing({ limits: { connections: 1_000 } })
  const argv = ['node', join(UDP, 'crowd.mjs'), ORIGIN, String(echo), '2000']
  const { stdout } = await scenario.run('guest', argv, { timeoutMs: 30_000 })
  const { answered, strangers } = JSON.parse(stdout) as { answered: number; strangers: number }
  t.equal(strangers, 0)
  t.ok(answered > 900 && answered <= 1_024, `${answered} answered; 1,024 sockets of one client are the limit`)
  const { liveFlows } = await gateway.status()
  t.ok(liveFlows <= 1_024, `${liveFlows} flows`)
  gateway.running.signal('SIGTERM')
  await gateway.running.exited
  t.equal(await left(), '', 'nothing is left')
})

await t.test('a low limit on open files: one guest’s sockets leave descriptors for all others', async (t) => {
  const capture = { enabled: true, networks: [], interfaces: ['guest'] }
  const gateway = await startGateway(scenario, { capture }, { by: ['prlimit', '--nofile=1024:1024'] })
  t.ok(
    gateway.log().some(({ msg }) => msg?.includes('client sockets of UDP')),
    'the log says so',
  )
  const argv = ['node', join(UDP, 'crowd.mjs'), ORIGIN, String(echo), '1000']
  const crowd = scenario.run('guest', argv, { timeoutMs: 30_000 })
  // While all that have a place hold it.
  await gateway.running.until('it is too crowded', () =>
    gateway.log().some(({ msg }) => msg?.startsWith('UDP: 10.77.1.2 has too many sockets')),
  )
  const { liveFlows } = await gateway.status()
  t.ok(liveFlows > 0 && liveFlows < 50, `${liveFlows} flows, of some 70 that all together may have`)
  const { answered, strangers } = JSON.parse((await crowd).stdout) as { answered: number; strangers: number }
  t.ok(answered > 0 && strangers === 0, `${answered} answered`)
  t.notMatch(JSON.stringify(gateway.log()), /file descriptor left|EMFILE/)
  await gateway.running.stop()
})
