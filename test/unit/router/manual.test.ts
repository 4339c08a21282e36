import { test } from 'tap'
import { describeChain } from '../../../src/router/decision.ts'
import { decideManually } from '../../../src/router/manual.ts'
import { parseExcludeList } from '../../../src/wire/exclude-list.ts'
import { parseUpstreamUrl } from '../../../src/wire/upstream-url.ts'
import { queryFor } from '../../fixtures/route-query.ts'

const WEB = ['http://user:hunter2@web.example:8080']
const SOCKS = ['socks5://jump.example']

test('manual mode', async (t) => {
  const rows: [
    http: string[],
    https: string[],
    exclude: string,
    url: string,
    decision: string,
    source: string,
    detail: string,
  ][] = [
    [WEB, SOCKS, '', 'http://a.example', 'http://web.example:8080', 'manual', 'proxy.http is http://web.example:8080'],
    [
      WEB,
      SOCKS,
      '',
      'https://a.example',
      'socks5://jump.example:1080',
      'manual',
      'proxy.https is socks5://jump.example:1080',
    ],
    [
      WEB,
      SOCKS,
      '',
      'a.example:22',
      'socks5://jump.example:1080',
      'manual',
      'proxy.https is socks5://jump.example:1080',
    ],
    [WEB, SOCKS, '', 'a.example:80', 'http://web.example:8080', 'manual', 'proxy.http is http://web.example:8080'],
    [
      [],
      ['https://edge.example', 'socks5h://inner.example'],
      '',
      'https://a.example',
      'https://edge.example:443, then socks5h://inner.example:1080',
      'manual',
      'proxy.https is https://edge.example:443, then socks5h://inner.example:1080',
    ],
    // The exclude list comes first.
    [
      WEB,
      SOCKS,
      '10.0.0.0/8 b.example *.a.example',
      'https://x.a.example',
      'direct',
      'exclude',
      'exclude entry "*.a.example" (3rd) matches x.a.example',
    ],
    [
      WEB,
      SOCKS,
      '10.0.0.0/8',
      'https://10.1.2.3',
      'direct',
      'exclude',
      'exclude entry "10.0.0.0/8" (1st) matches 10.1.2.3',
    ],
    [
      WEB,
      SOCKS,
      'https://a.example',
      'http://a.example',
      'http://web.example:8080',
      'manual',
      'proxy.http is http://web.example:8080',
    ],
    // Only one of the two is set: the other scheme goes direct.
    [
      WEB,
      [],
      '',
      'https://a.example',
      'direct',
      'no-proxy-for-scheme',
      'only proxy.http is set, and the target is https',
    ],
    [
      [],
      SOCKS,
      '',
      'http://a.example',
      'direct',
      'no-proxy-for-scheme',
      'only proxy.https is set, and the target is http',
    ],
    // Neither: reject, and exclude is the list of what is allowed.
    [[], [], '', 'https://a.example', '', 'manual', 'exclude is empty too'],
    [[], [], 'b.example', 'https://a.example', '', 'manual', 'no exclude entry matches a.example'],
    [[], [], 'b.example', 'http://a.example', '', 'manual', 'no exclude entry matches a.example'],
    [
      [],
      [],
      'b.example',
      'http://x.b.example',
      'direct',
      'exclude',
      'exclude entry "b.example" (1st) matches x.b.example',
    ],
  ]
  for (const [http, https, exclude, url, ways, source, detail] of rows) {
    const policy = {
      http: http.map(parseUpstreamUrl),
      https: https.map(parseUpstreamUrl),
      exclude: parseExcludeList(exclude),
    }
    const decision = decideManually(policy, queryFor(url))
    const name = `${url} [${exclude}]`
    t.equal(decision.candidates.map(({ hops }) => describeChain(hops)).join(' or '), ways, name)
    t.equal(decision.decision, ways === '' ? 'reject' : ways === 'direct' ? 'direct' : 'proxy', name)
    t.equal(decision.because.source, source, name)
    t.ok(decision.because.detail.includes(detail), `${name}: ${decision.because.detail}`)
    t.notMatch(decision.because.detail, /hunter2/)
  }
})

test('absent and empty chains are the same', async (t) => {
  const query = queryFor('https://a.example')
  const exclude = parseExcludeList('')
  t.same(decideManually({ exclude }, query), decideManually({ http: [], https: [], exclude }, query))
})

test('ordinals', async (t) => {
  const entries = Array.from({ length: 113 }, (_, place) => `h${place + 1}.example`)
  const policy = { exclude: parseExcludeList(entries) }
  for (const [place, ordinal] of [
    [1, '1st'],
    [2, '2nd'],
    [3, '3rd'],
    [4, '4th'],
    [11, '11th'],
    [12, '12th'],
    [13, '13th'],
    [21, '21st'],
    [101, '101st'],
    [111, '111th'],
    [113, '113th'],
  ] as const) {
    const { because } = decideManually(policy, queryFor(`https://h${place}.example`))
    t.ok(because.detail.includes(`(${ordinal})`), because.detail)
  }
})

test('the key that decides is named as it stands in the settings', async (t) => {
  const policy = {
    group: 'containersProxy',
    http: [parseUpstreamUrl('http://web.example:8080')],
    exclude: parseExcludeList([]),
  } as const
  t.equal(
    decideManually(policy, queryFor('http://a.example', 'containers')).because.detail,
    'containersProxy.http is http://web.example:8080',
  )
  t.equal(
    decideManually(policy, queryFor('https://a.example', 'containers')).because.detail,
    'only containersProxy.http is set, and the target is https',
  )
})
