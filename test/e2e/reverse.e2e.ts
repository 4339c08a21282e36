import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { inflateSync } from 'node:zlib'
import { SocksClient } from 'socks'
import t from 'tap'
import { curl } from './harness/clients/curl.ts'
import { startGateway } from './harness/gateway.ts'
import { GATEWAY_FOR_CORP, GATEWAY_FOR_GUEST } from './harness/lab.ts'
import { startOrigins } from './harness/origins/origins.ts'
import { startEngine } from './harness/peers/engine.ts'
import { peerFolder } from './harness/peers/peer.ts'
import { makeImage } from './harness/peers/test-image.ts'
import { takePort } from './harness/ports.ts'
import { joinScenario } from './harness/scenario.ts'

// Programs of the host and containers of a real engine: two projects, each in a network of its own, with a service of the same name.

const scenario = await joinScenario(t)
const origins = await startOrigins(scenario)
// The engine makes its host forward, and fills its tables: the next scenario finds a host as it was.
scenario.undo.push('what the engine leaves', async () => {
  const tidy =
    'nft flush ruleset; for link in docker0 shop0 blog0; do ip link delete $link; done 2>/dev/null; sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0'
  await scenario.run('gateway', ['sh', '-c', tidy])
})
let engine = await startEngine(scenario, { host: 'gateway', proxy: '', clear: [] })
const tar = join(makeImage(scenario).folder, 'box.tar')
execFileSync('tar', ['-C', join(tar, '../root'), '-cf', tar, '.'])
await must('import', tar, 'box')
/** Of each project's page. */
const COLOURS: Readonly<Record<string, string>> = { shop: '1a7f37', blog: '1f4fb8' }
await project('shop', 1)
await project('blog', 2)
await must('network', 'connect', '--alias', 'weblog', 'shop_default', 'blog_web_1')
await startCache('shop')
await startCache('blog')

const port = takePort()
const settings = {
  engine: { socket: `unix://${engine.socket}` },
  reverse: { listen: `127.0.0.1:${port}` },
  // What the policy says of the world is not said of containers.
  proxy: { mode: 'manual', http: 'http://127.0.0.1:9', https: 'http://127.0.0.1:9' },
}
const gateway = await startGateway(scenario, settings)
const WAYS: readonly (readonly string[])[] = [
  ['--proxy', `socks5h://127.0.0.1:${port}`],
  ['--proxy', `socks4a://127.0.0.1:${port}`],
  ['--proxy', `http://127.0.0.1:${port}`, '--proxytunnel'],
  ['--proxy', `http://127.0.0.1:${port}`],
]

t.match(gateway.log().find(({ msg }) => msg === 'ready')?.['listen'], [
  /^mixed/,
  /^mixed/,
  /^mixed/,
  /^tls/,
  `reverse 127.0.0.1:${port}`,
])
await everyClient('at first')

await t.test('a container is made anew', async (t) => {
  const before = await addressOf('shop_web_1', 'shop_default')
  await must('rm', '-f', 'shop_web_1')
  await gateway.running.until('the engine’s word of it', async () => (await gateway.status()).engine?.containers === 3)
  const gone = await ask('web.shop', WAYS[3]!)
  t.match(gone.stdout, /no such container: web\.shop/)
  // Its address goes to another one in between.
  await must('run', '-d', '--name', 'squatter', '--network', 'shop_default', 'box', 'sleep', '1000')
  await web('shop')
  t.not(await addressOf('shop_web_1', 'shop_default'), before)
  await must('rm', '-f', 'squatter')
})
await everyClient('after a container was made anew')

await t.test(
  'a container that is just going: an answer, or an error that says what happened, by every way',
  async (t) => {
    for (const [way, refusal] of [
      [WAYS[0]!, /Can't complete SOCKS5 connection to \S+ \([2345]\)/],
      [WAYS[1]!, /Can't complete SOCKS4 connection to \S+ \(91\)/],
      [WAYS[2]!, /response 50[24]|response 403/],
      [WAYS[3]!, /^HTTP\/1.1 (50[24]|403) /],
    ] as const) {
      for (const by of ['name', 'address']) {
        await web('shop', 'victim')
        const host = by === 'name' ? 'victim.shop' : await addressOf('shop_victim_1', 'shop_default')
        const once = () => curl(scenario, ['-i', ...way, `http://${host}:8080/`])
        t.match((await once()).stdout, 'the web of shop')
        let going = true
        const removed = must('rm', '-f', 'shop_victim_1').finally(() => {
          going = false
        })
        const outcomes: Awaited<ReturnType<typeof once>>[] = []
        while (going) outcomes.push(...(await Promise.all([once(), once(), once()])))
        await removed
        outcomes.push(await once())
        for (const { code, stdout, stderr, ms } of outcomes) {
          const said = `${stdout}${stderr}`.trim()
          const isAnswer = code === 0 && stdout.includes('the web of shop')
          // Whoever is in the middle of a tunnel when its far side dies sees the tunnel end, as without a proxy; of an answer, sees it break off.
          const isCut =
            way === WAYS[3]
              ? code !== 0 && /^HTTP\/1\.1 200 /.test(stdout)
              : /Empty reply|reset by peer|getpeername\(\) failed/.test(stderr)
          if (!isAnswer && !isCut) t.match(said, refusal, `by ${by}, ${Math.round(ms)} ms`)
          t.ok(ms < 10_000, `in ${Math.round(ms)} ms`)
        }
        t.comment(
          way.join(' '),
          by,
          JSON.stringify(
            outcomes.map(({ code, ms, stdout, stderr }) => [code, Math.round(ms), `${stdout}${stderr}`.slice(0, 90)]),
          ),
        )
      }
    }
  },
)

await t.test('the engine is restarted', async (t) => {
  await engine.running.stop()
  await gateway.running.until('the loss', async () => (await gateway.status()).engine?.connected === false)
  engine = await startEngine(scenario, { host: 'gateway', proxy: '', clear: [], folder: engine.folder })
  await gateway.running.until('the engine', async () => (await gateway.status()).engine?.connected, 30_000)
  t.match((await ask('web.shop', WAYS[3]!)).stdout, /the container shop_web_1 is not running/)
  await must('start', 'shop_web_1', 'blog_web_1', 'shop_cache_1', 'blog_cache_1')
})
await everyClient('after the engine was restarted')

await t.test('nothing but containers', async (t) => {
  const bridge = (await must('network', 'inspect', '-f', '{{(index .IPAM.Config 0).Gateway}}', 'shop_default')).trim()
  const places = [
    ['127.0.0.1', gateway.mixed.port],
    ['127.0.0.1', port],
    ['[::1]', gateway.mixed.port],
    [bridge || '172.31.1.1', gateway.guest.port],
    [GATEWAY_FOR_GUEST, gateway.guest.port],
    [GATEWAY_FOR_CORP, 80],
    ['169.254.169.254', 80],
    [origins.address, origins.ports.http],
    ['origin.test', origins.ports.http],
    ['localhost', gateway.mixed.port],
    ['host.docker.internal', gateway.mixed.port],
  ] as const
  t.equal(
    (await curl(scenario, [`http://${origins.address}:${origins.ports.http}/`])).code,
    0,
    'the host itself gets there',
  )
  for (const [host, target] of places) {
    for (const way of WAYS) {
      if (host.startsWith('[') && way[1]!.startsWith('socks4a')) continue
      const done = await curl(scenario, [
        ...way,
        `http://${host}:${target}/`,
        '-o',
        '/dev/null',
        '-w',
        '%{http_code} %{http_connect}',
      ])
      const plain = way.length === 2 && way[1]!.startsWith('http')
      if (plain) t.match(done.stdout, /^(403|502) /, host)
      else t.not(done.code, 0, `${host} by ${way.join(' ')}`)
    }
  }
  const refused = gateway.flows().filter(({ door, error }) => door?.startsWith('reverse') && error)
  t.ok(refused.length >= places.length * 3, `${refused.length} refusals in the log`)
  t.match(
    (await ask('web', WAYS[3]!)).stdout,
    /ambiguous: web is in projects blog and shop; say web\.blog or web\.shop/,
  )
  t.match((await ask('shop_wbe_1', WAYS[3]!)).stdout, /no such container: shop_wbe_1, did you mean shop_web_1\?/)
})

await t.test(
  'a bridge on which this machine has no address: the way there would be the one to everywhere',
  async (t) => {
    const options = ['inhibit_ipv4=true', 'name=sealed0'].flatMap((one) => [
      '--opt',
      `com.docker.network.bridge.${one}`,
    ])
    await must('network', 'create', '--subnet', '172.31.3.0/24', ...options, 'sealed')
    await must('run', '-d', '--name', 'sealed', '--network', 'sealed', 'box', 'sleep', '1000')
    for (const host of ['sealed', await addressOf('sealed', 'sealed')]) {
      const { stdout } = await ask(host, WAYS[3]!)
      t.match(stdout, /in the network sealed, in which this machine has no IPv4 .*docker run --network sealed /s, host)
    }
    await must('rm', '-f', 'sealed')
    await must('network', 'rm', 'sealed')
  },
)

await t.test('a container in a restart loop', async () => {
  await must('run', '-d', '--restart', 'always', '--name', 'looping', 'box', 'sh', '-c', 'exit 1')
  const isToldSo = async () => (await ask('looping', WAYS[3]!)).stdout.includes('the container looping is restarting')
  await gateway.running.until('the word of it', isToldSo)
  await must('rm', '-f', 'looping')
})

await t.test('as a container, with its port published on loopback', async (t) => {
  const published = takePort()
  const folder = peerFolder(scenario, 'inside')
  const inside = {
    engine: { socket: 'unix:///docker.sock' },
    status: { listen: 'off' },
    reverse: { listen: '0.0.0.0:1080', auth: { users: { me: 'env:REVERSE_PASSWORD' } } },
  }
  writeFileSync(join(folder, 'fairlead.yaml'), JSON.stringify(inside))
  const root = join(import.meta.dirname, '../..')
  const program = ['/usr', '/lib', '/lib64', dirname(process.execPath), root, folder]
  const mounts = [...program.map((path) => `${path}:${path}:ro`), `${engine.socket}:/docker.sock`]
  const start = [process.execPath, join(root, 'dist/main.js'), 'start', '--config', join(folder, 'fairlead.yaml')]
  const options = ['--network', 'blog_default', '-p', `127.0.0.1:${published}:1080`, '-e', 'REVERSE_PASSWORD=secret']
  await must('run', '-d', '--name', 'inside', ...options, ...mounts.flatMap((one) => ['-v', one]), 'box', ...start)
  await gateway.running.until('the container’s gateway', async () =>
    /following/.test((await engine.docker('logs', 'inside')).stderr),
  )
  const door = `127.0.0.1:${published}`
  const anonymous = await ask('web.blog', ['--proxy', `http://${door}`])
  t.match(anonymous.stdout, /asks for a user name and password/)
  const near = [`socks5h://me:secret@${door}`, `http://me:secret@${door}`]
  for (const proxy of near) t.match((await ask('web.blog', ['--proxy', proxy])).stdout, 'the web of blog', proxy)
  const far = await ask('web.shop', ['--proxy', near[1]!])
  t.match(far.stdout, /docker network connect shop_default inside/)
  for (const host of ['inside', '127.0.0.1', await addressOf('inside', 'blog_default')]) {
    const own = await curl(scenario, ['--proxy', near[1]!, `http://${host}:1080/`])
    t.match(own.stdout, /not the address of a running container/, host)
  }
  await must('network', 'connect', 'shop_default', 'inside')
  t.match((await ask('web.shop', ['--proxy', near[0]!])).stdout, 'the web of shop')
  await must('rm', '-f', 'inside')
})

async function everyClient(when: string): Promise<void> {
  await t.test(when, async (t) => {
    for (const name of ['shop', 'blog']) {
      const network = `${name}_default`
      const [v4, v6] = [
        await addressOf(`${name}_web_1`, network),
        await addressOf(`${name}_web_1`, network, 'GlobalIPv6Address'),
      ]
      t.match(v6, ':')
      for (const way of WAYS) {
        for (const host of [
          v4,
          `[${v6}]`,
          `web.${name}`,
          `${name}_web_1`,
          `web.${network}`,
          `web.${name}.container.internal`,
        ]) {
          if (host.startsWith('[') && way[1]!.startsWith('socks4a')) continue
          const done = await ask(host, way)
          t.match(done.stdout, `the web of ${name}`, `${host} by ${way.join(' ')}: ${done.stderr}`)
        }
      }
      for (const host of [v4, v6, `web.${name}`])
        t.match(await askBySocks(host), `the web of ${name}`, `socks: ${host}`)
      const cache = `${name}_cache_1`
      const addresses = [await addressOf(cache, network), await addressOf(cache, network, 'GlobalIPv6Address')]
      t.equal((await redis(`cache.${name}`, 'set', 'when', `${name} ${when}`)).stdout.trim(), 'OK')
      for (const host of [`cache.${name}`, ...addresses])
        t.equal((await redis(host, 'get', 'when')).stdout.trim(), `${name} ${when}`, `Redis at ${host}`)
      for (const host of [`web.${name}.container.internal`, name === 'shop' ? v4 : `[${v6}]`])
        t.equal(firstPixel(await screenshot(`http://${host}:8080/`)), COLOURS[name], `Chromium shows ${host}`)
    }
    t.match((await ask('weblog', WAYS[0]!)).stdout, 'the web of blog', 'a network alias')
  })
}

function ask(host: string, way: readonly string[]) {
  return curl(scenario, [...way, `http://${host}:8080/`])
}

/** As a Node program does it. */
async function askBySocks(host: string): Promise<string> {
  const { socket } = await SocksClient.createConnection({
    proxy: { host: '127.0.0.1', port, type: 5 },
    command: 'connect',
    destination: { host, port: 8080 },
  })
  socket.write(`GET / HTTP/1.0\r\n\r\n`)
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  return text
}

/** A client that knows nothing of proxies, by proxychains, which leaves names to the door. */
function redis(host: string, ...command: string[]) {
  const file = join(engine.folder, 'proxychains.conf')
  writeFileSync(file, `strict_chain\nproxy_dns\n[ProxyList]\nsocks5 127.0.0.1 ${port}\n`)
  return scenario.run('gateway', ['proxychains4', '-q', '-f', file, 'redis-cli', '-h', host, ...command])
}

/** Where Chromium sees another network, as when a bridge gets its first container, it drops what it is loading, whatever its proxy. */
async function screenshot(url: string, moreTries = 3): Promise<Buffer> {
  const folder = join(engine.folder, `chromium-${takePort()}`)
  const quiet = ['background-networking', 'component-update', 'sync', 'gpu', 'dev-shm-usage'].map(
    (one) => `--disable-${one}`,
  )
  const image = `${folder}.png`
  const done = await scenario.run('gateway', [
    'chromium',
    ...['--headless', '--no-sandbox', '--no-first-run', '--hide-scrollbars', '--window-size=400,300', ...quiet],
    ...[`--user-data-dir=${folder}`, `--proxy-server=socks5://127.0.0.1:${port}`, `--screenshot=${image}`, url],
  ])
  try {
    return readFileSync(image)
  } catch {
    if (moreTries > 0 && done.stderr.includes('ERR_NETWORK_CHANGED')) return screenshot(url, moreTries - 1)
    throw new Error(`no screenshot: ${done.code} ${done.stderr.slice(-2000)}`)
  }
}

/** Of a PNG with 8 bits a channel: whatever its filter, the first pixel of the first line is as it is. */
function firstPixel(png: Buffer): string {
  const data: Buffer[] = []
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT')
      data.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)))
  }
  return inflateSync(Buffer.concat(data)).subarray(1, 4).toString('hex')
}

async function project(name: string, number: number): Promise<void> {
  const blocks = ['--subnet', `172.31.${number}.0/24`, '--ipv6', '--subnet', `fd00:31:${number}::/64`]
  await must('network', 'create', ...blocks, '--opt', `com.docker.network.bridge.name=${name}0`, `${name}_default`)
  await web(name)
}

/** What compose does, as far as the engine sees it. */
async function service(project: string, service: string, ...rest: string[]): Promise<void> {
  const labels = [`com.docker.compose.project=${project}`, `com.docker.compose.service=${service}`]
  // The first process of a container does not heed SIGTERM, and an engine that ends would wait for it.
  const place = ['--stop-signal', 'KILL', '--network', `${project}_default`, '--network-alias', service]
  await must(
    'run',
    '-d',
    '--name',
    `${project}_${service}_1`,
    ...labels.flatMap((one) => ['--label', one]),
    ...place,
    ...rest,
  )
}

function web(project: string, name = 'web'): Promise<void> {
  const page = `<body style="background:#${COLOURS[project]}">the web of ${project}`
  return service(project, name, 'box', 'sh', '-c', `echo '${page}' >/index.html; exec busybox httpd -f -p 8080 -h /`)
}

/** The machine's own Redis, in a container. */
function startCache(project: string): Promise<void> {
  const mounts = ['/usr', '/lib', '/lib64'].flatMap((path) => ['-v', `${path}:${path}:ro`])
  const options = ['--save', '', '--protected-mode', 'no', '--bind', '0.0.0.0', '::']
  return service(project, 'cache', ...mounts, 'box', '/usr/bin/redis-server', ...options)
}

async function addressOf(container: string, network: string, key = 'IPAddress'): Promise<string> {
  return (await must('inspect', '-f', `{{(index .NetworkSettings.Networks "${network}").${key}}}`, container)).trim()
}

async function must(...args: string[]): Promise<string> {
  const done = await engine.docker(...args)
  if (done.code !== 0) throw new Error(`docker ${args.join(' ')}: ${done.stderr}`)
  return done.stdout
}
