import { test } from 'tap'
import { createAccess } from '../../../src/router/access.ts'
import { createRouter, type Policy } from '../../../src/router/create-router.ts'
import { explain, explainRoute, parseSubject, renderExplanation } from '../../../src/router/explain.ts'
import { parseExcludeList } from '../../../src/wire/exclude-list.ts'
import { parseUpstreamUrl } from '../../../src/wire/upstream-url.ts'
import { queryFor } from '../../fixtures/route-query.ts'

const signal = new AbortController().signal
const access = createAccess({
  allow: parseExcludeList(''),
  deny: parseExcludeList(''),
  ownEndpoints: () => [],
  clock: { wall: () => 0, monotonic: () => 0, after: () => () => {} },
})
const chain = ['https://edge.example', 'socks5h://user:hunter2@[2001:db8::1]?dns=local'].map(parseUpstreamUrl)
const routerWith = (host: Policy) => createRouter({ host, access, generation: 3 })
const policy: Policy = { mode: 'manual', https: chain, exclude: parseExcludeList('x.example') }

test('the JSON of the command-line contract', async (t) => {
  const proxied = await explain(routerWith(policy), queryFor('https://A.example:8443/secret', 'containers'), signal)
  t.strictSame(JSON.parse(JSON.stringify(proxied)), {
    target: { host: 'a.example', port: 8443, scheme: 'https' },
    scope: 'containers',
    decision: 'proxy',
    candidates: [
      {
        hops: [
          { kind: 'https', host: 'edge.example', port: 443 },
          { kind: 'socks5h', host: '2001:db8::1', port: 1080 },
        ],
      },
    ],
    because: { source: 'manual', detail: 'proxy.https is https://edge.example:443, then socks5h://[2001:db8::1]:1080' },
  })
  t.notMatch(JSON.stringify(proxied), /hunter2|user|secret/)
  const direct = await explain(routerWith(policy), queryFor('http://x.example'), signal)
  t.strictSame([direct.decision, direct.candidates], ['direct', [{ hops: [] }]])
  const rejected = await explain(
    routerWith({ mode: 'manual', exclude: parseExcludeList('') }),
    queryFor('a.example:1'),
    signal,
  )
  t.strictSame([rejected.decision, rejected.candidates, rejected.because.source], ['reject', [], 'manual'])
})

test('the same for people', async (t) => {
  const text = renderExplanation(await explain(routerWith(policy), queryFor('[2001:db8::9]:443'), signal))
  t.equal(
    text,
    [
      'https [2001:db8::9]:443 (scope host): proxy',
      '  1. https://edge.example:443, then socks5h://[2001:db8::1]:1080',
      '  because (manual): proxy.https is https://edge.example:443, then socks5h://[2001:db8::1]:1080',
    ].join('\n'),
  )
  const direct = renderExplanation(await explain(routerWith(policy), queryFor('http://x.example'), signal))
  t.match(
    direct,
    /: direct\n {2}1\. direct\n {2}because \(exclude\): exclude entry "x\.example" \(1st\) matches x\.example$/,
  )
})

test('what a person types', async (t) => {
  const rows: [text: string, host: string, port: number, scheme: string, path: string | undefined][] = [
    ['https://a.example/x?y', 'a.example', 443, 'https', '/x?y'],
    ['http://a.example', 'a.example', 80, 'http', '/'],
    ['http://user:hunter2@a.example:8080/x#frag', 'a.example', 8080, 'http', '/x'],
    ['http://a.example/@x#@', 'a.example', 80, 'http', '/@x'],
    ['http://bücher.example/ü?日=\ud800', 'xn--bcher-kva.example', 80, 'http', '/%C3%BC?%E6%97%A5=%EF%BF%BD'],
    ['a.example:443', 'a.example', 443, 'https', undefined],
    ['a.example:80', 'a.example', 80, 'http', undefined],
    ['a.example:22', 'a.example', 22, 'https', undefined],
    ['[::1]:443', '::1', 443, 'https', undefined],
  ]
  for (const [text, host, port, scheme, path] of rows) {
    const subject = parseSubject(text)
    t.same([subject.target.host, subject.target.port, subject.scheme, subject.path], [host, port, scheme, path], text)
  }
  for (const text of ['a.example', 'ftp://a.example', '', 'a b:1'])
    t.throws(() => parseSubject(text), { code: 'BAD_REQUEST' }, text)
})

test('a flow of a container names it', async (t) => {
  const container = {
    ...{ id: 'f00d', name: 'shop-db-1', image: 'postgres:16', project: 'shop', service: 'db' },
    ...{ labels: { secret: 'hunter2' }, endpoints: [] },
  }
  const query = {
    ...queryFor('a.example:443', 'containers'),
    client: { address: '172.18.0.2', local: false, container },
  }
  const explanation = await explain(routerWith(policy), query, signal)
  t.strictSame(explanation.container, {
    ...{ id: 'f00d', name: 'shop-db-1', image: 'postgres:16', project: 'shop', service: 'db' },
  })
  t.match(renderExplanation(explanation), '\n  for container shop-db-1 of image postgres:16\n')
})

test('what the script said by alert is shown, also of one that failed then', (t) => {
  const pac = { source: 'test', sha256: 'f'.repeat(64), cached: false, milliseconds: 1, calls: [], alerts: ['so far'] }
  const because = { source: 'pac-failure', detail: 'PAC test: FindProxyForURL threw an exception' } as const
  const explanation = explainRoute(queryFor('http://x.example'), {
    generation: 1,
    decision: 'reject',
    candidates: [],
    because,
    hint: 'Correct the PAC script.',
    pac,
  })
  t.match(renderExplanation(explanation), '\n  try: Correct the PAC script.\n')
  t.match(renderExplanation(explanation), '\n    alert: so far')
  t.end()
})
