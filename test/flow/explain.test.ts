import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { createExplainer, parseSubject } from '../../src/gateway/explain.ts'
import { targetFromUrl } from '../../src/wire/target.ts'
import { getThrough, openConnect } from '../fixtures/clients.ts'
import { everythingIsLoopback, type LogLine, startTestGateway } from '../fixtures/gateway.ts'
import { type SeededRandom, seededRandom } from '../fixtures/seeded-random.ts'
import { startSocksProxy } from '../fixtures/upstreams/socks-proxy.ts'

/** `fairlead explain` and traffic ask the same router; here the two are held against each other. */

/** Milliseconds for the whole file. */
t.setTimeout(550_000)
const TARGETS_PER_SETTINGS = 18

t.test('explain prints the route that the flow log then shows', async (t) => {
  const origin = createServer((_, response) => response.end('hello'))
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  const originPort = (origin.address() as AddressInfo).port
  t.teardown(() => origin.close())
  const socks = await startSocksProxy({ map: () => ({ host: '127.0.0.1', port: originPort }) })
  t.teardown(() => socks.close())
  const http = await startTestGateway(t, {}, { resolver: everythingIsLoopback })
  const random = seededRandom(20_261_123)

  const cases: { readonly name: string; readonly settings: object; readonly env?: Record<string, string> }[] = [
    { name: 'no settings', settings: {} },
    {
      name: 'manual',
      settings: {
        proxy: { http: `http://127.0.0.1:${http.port}`, https: `socks5://127.0.0.1:${socks.port}`, exclude: EXCLUDE },
      },
    },
    {
      name: 'only https',
      settings: { proxy: { https: `http://u:secret@127.0.0.1:${http.port}`, exclude: '*.corp.example' } },
    },
    {
      name: 'a chain',
      settings: {
        upstreams: { corp: [`http://127.0.0.1:${http.port}`, `socks5h://127.0.0.1:${socks.port}`] },
        proxy: { http: 'corp', https: 'corp', exclude: EXCLUDE },
      },
    },
    { name: 'block all but', settings: { proxy: { mode: 'manual', http: '', https: '', exclude: EXCLUDE } } },
    {
      name: 'two scopes',
      settings: {
        proxy: { https: `http://127.0.0.1:${http.port}` },
        containersProxy: { https: `socks5://127.0.0.1:${socks.port}`, http: `http://127.0.0.1:${http.port}` },
      },
    },
    {
      name: 'none for containers',
      settings: { proxy: { https: `http://127.0.0.1:${http.port}` }, containersProxy: { mode: 'none' } },
    },
    {
      name: 'environment',
      settings: { proxy: { mode: 'system' } },
      env: {
        HTTPS_PROXY: `http://127.0.0.1:${http.port}`,
        http_proxy: `socks5://127.0.0.1:${socks.port}`,
        NO_PROXY: '.corp.example,127.7.0.0/16',
      },
    },
    { name: 'PAC', settings: { proxy: { embeddedPac: pac(http.port, socks.port) } } },
    {
      name: 'PAC that throws',
      settings: { proxy: { embeddedPac: 'function FindProxyForURL(u, h) { return nothing.here }' } },
    },
    {
      name: 'access rules',
      settings: {
        proxy: { https: `http://127.0.0.1:${http.port}` },
        access: { deny: ['*.ads.example', '127.7.0.0/16'], allow: ['localhost:443'] },
      },
    },
  ]

  let compared = 0
  for (const { name, settings, env = {} } of cases) {
    const doors = [{ address: '127.0.0.1:0' }]
    for (const scope of ['host', 'containers'] as const) {
      const whole = {
        listen: { mixed: doors.map((door) => ({ ...door, scope })) },
        status: { listen: 'off' },
        ...settings,
      }
      const gateway = await startTestGateway(t, whole, { resolver: everythingIsLoopback, env })
      const explainer = await createExplainer(gateway.gateway.settings, env, () => {})
      for (let index = 0; index < TARGETS_PER_SETTINGS; index++) {
        const subject = pickTarget(random, originPort)
        const seen = gateway.flows().length
        await ask(gateway.port, subject)
        const line = (await gateway.flowCount(seen + 1))[seen]!
        const explanation = await explainer.explain({ ...parseSubject(subject), scope })
        const label = `${name}, ${scope}: ${subject}`
        t.equal(explanation.decision, line.decision, `${label}: decision`)
        t.same(explanation.because, line.because, `${label}: because`)
        if (line.decision !== 'reject') t.equal(wayOf(explanation.candidates[0]), firstWay(line), `${label}: route`)
        t.notMatch(JSON.stringify([explanation, line]), /secret/, `${label}: no secret`)
        compared += 1
      }
      explainer.close()
      await gateway.gateway.close()
    }
  }
  t.equal(compared, cases.length * 2 * TARGETS_PER_SETTINGS)
})

const EXCLUDE = [
  '*.corp.example',
  'intranet',
  '127.7.0.0/16',
  'cdn*.example.org',
  'https://only.example',
  '<local>',
  '[::1]',
]

function pac(http: number, socks: number): string {
  return `function FindProxyForURL(url, host) {
    if (isPlainHostName(host) || shExpMatch(host, "*.corp.example")) return "DIRECT";
    if (url.substring(0, 5) == "http:") return "PROXY 127.0.0.1:${http}; DIRECT";
    if (dnsDomainIs(host, ".ads.example")) return "PROXY reject.docker.internal:1";
    return "SOCKS5 127.0.0.1:${socks}; PROXY 127.0.0.1:${http}";
  }`
}

const HOSTS = [
  'intranet',
  'corp.example',
  'www.corp.example',
  'a.b.corp.example',
  'registry-1.docker.io',
  'ghcr.io',
  'cdn7.example.org',
  'cdn.example.net',
  'only.example',
  'x.ads.example',
  '127.7.1.2',
  '127.8.1.2',
  '127.0.0.1',
  '169.254.169.254',
  '[::1]',
  '[fe80::1]',
  'localhost',
  'BÜCHER.example',
  '0x7f070102',
]

/** `http://host:port/path` for plain HTTP, `host:port` for a tunnel; mostly to the origin's port, so that direct ways come about too. */
function pickTarget(random: SeededRandom, port: number): string {
  const host = random.pick(HOSTS)
  const at = random.next() < 0.7 ? port : random.next() < 0.5 ? 80 : 443
  return random.next() < 0.4
    ? `http://${new URL(`http://${host}`).hostname}:${at}/path?query=1`
    : `${host.replace('BÜCHER', 'xn--bcher-kva')}:${at}`
}

async function ask(port: number, subject: string): Promise<void> {
  if (subject.startsWith('http://')) {
    targetFromUrl(subject)
    await getThrough(port, subject).catch(() => {})
    return
  }
  const { socket } = await openConnect(port, subject)
  socket.destroy()
}

function wayOf(
  candidate: { readonly hops: readonly { kind: string; host: string; port: number }[] } | undefined,
): string {
  if (!candidate || candidate.hops.length === 0) return 'direct'
  return candidate.hops.map(({ kind, host, port }) => `${kind}://${host}:${port}`).join(' > ')
}

/** The first candidate, whether it came about or not. */
function firstWay(line: LogLine): string | undefined {
  return line.failedAttempts?.[0]?.route ?? line.route
}
