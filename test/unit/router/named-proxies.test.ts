import { test } from 'tap'
import { namedProxies } from '../../../src/router/named-proxies.ts'
import { decideByPac } from '../../../src/router/pac.ts'
import { parsePacResult } from '../../../src/wire/pac-result.ts'
import { parseUpstreamUrl } from '../../../src/wire/upstream-url.ts'
import { fakePacEngine } from '../../fixtures/fake-pac-engine.ts'
import { queryFor } from '../../fixtures/route-query.ts'

const upstreams = (entries: Record<string, string | string[]>) =>
  namedProxies(
    new Map(Object.entries(entries).map(([name, urls]) => [name, [urls].flat().map((url) => parseUpstreamUrl(url))])),
  )

test('an entry counts for the very kind, host and port that it has', async (t) => {
  const rows: [answer: string, url: string, is: boolean][] = [
    ['PROXY proxy.example:8080', 'http://u:pw@proxy.example:8080', true],
    ['HTTP Proxy.EXAMPLE.:8080', 'http://u:pw@PROXY.example:8080', true],
    ['PROXY proxy.example', 'http://u:pw@proxy.example', true],
    ['HTTPS proxy.example', 'https://u:pw@proxy.example:443', true],
    ['PROXY [2001:DB8:0:0::1]:8080', 'http://u:pw@[2001:db8::1]:8080', true],
    ['PROXY 2001:db8::1:8080', 'http://u:pw@[2001:db8:0::1]:8080', true],
    ['PROXY [::ffff:10.0.0.1]:8080', 'http://u:pw@10.0.0.1:8080', true],
    ['PROXY 0xa.1:8080', 'http://u:pw@10.0.0.1:8080', true],
    ['SOCKS5 socks.example', 'socks5://u:pw@socks.example', true],
    ['SOCKS5 socks.example', 'socks5h://u:pw@socks.example', true],
    ['SOCKS socks.example', 'socks4://u@socks.example', true],
    ['PROXY proxy.example:8081', 'http://u:pw@proxy.example:8080', false],
    ['PROXY proxy.example:443', 'https://u:pw@proxy.example:443', false],
    ['HTTPS proxy.example:8080', 'http://u:pw@proxy.example:8080', false],
    ['PROXY a.proxy.example:8080', 'http://u:pw@proxy.example:8080', false],
    ['PROXY proxy.example.evil.example:8080', 'http://u:pw@proxy.example:8080', false],
    ['SOCKS socks.example', 'socks4a://u@socks.example', false],
    ['SOCKS socks.example', 'socks5://u:pw@socks.example', false],
    ['PROXY proxy.example:8080', 'http://proxy.example:8080', false],
  ]
  for (const [answer, url, is] of rows) {
    const { candidates } = parsePacResult(answer)
    const found = upstreams({ corp: url }).find(candidates[0]!.hops[0]!)
    t.equal(found?.name, is ? 'corp' : undefined, `${answer} ${url}`)
    if (found) {
      const { credentials, ...place } = found.candidate.hops[0]!
      t.same(place, candidates[0]!.hops[0], 'the way is the one answered')
      t.equal(credentials?.username, 'u')
    }
  }
})

test('which entry, of several', (t) => {
  const hop = parsePacResult('PROXY p:1').candidates[0]!.hops[0]!
  const found = (entries: Record<string, string | string[]>) => upstreams(entries).find(hop)?.name
  t.equal(found({ a: 'http://u:1@p:1', b: 'http://v:2@p:1' }), 'a', 'the first')
  t.equal(found({ a: 'http://p:1?dns=local', b: 'http://v:2@p:1', c: 'http://w:2@p:1' }), 'b', 'one with credentials')
  t.equal(found({ a: 'http://p:1?dns=local' }), 'a', 'one that has something else to say')
  t.equal(found({ a: ['http://edge:1', 'http://u:1@p:1'] }), undefined, 'a longer chain is another way')
  t.equal(found({}), undefined)
  t.end()
})

test('the decision has them and does not show them', async (t) => {
  const named = upstreams({ corp: 'http://alice:s3cret@p:1', far: 'socks5h://alice:s3cret@s:1080?dns=local' })
  const engine = fakePacEngine(() => 'PROXY p:1; PROXY q:1; SOCKS5 s; PROXY p:1; DIRECT')
  const policy = { engine, label: 'proxy.pac', onFailure: 'block', named } as const
  const query = queryFor('https://a.example')
  const decided = await decideByPac(policy, query, new AbortController().signal)
  t.same(
    decided.candidates.map(({ hops: [hop] }) => [hop?.host, hop?.credentials?.password.reveal(), hop?.resolveLocally]),
    [
      ['p', 's3cret', undefined],
      ['q', undefined, undefined],
      ['s', 's3cret', true],
      ['p', 's3cret', undefined],
      [undefined, undefined, undefined],
    ],
  )
  t.match(
    decided.because.detail,
    /answered "[^"]*"; http:\/\/p:1 with the credentials of upstreams\.corp; socks5:\/\/s:1080 with the credentials of upstreams\.far$/,
  )
  t.notMatch(JSON.stringify([decided.because, decided.pac]), /alice|s3cret/)
  const again = await decideByPac(policy, query, new AbortController().signal)
  t.equal(
    again.candidates[0],
    decided.candidates[0],
    'one object for each entry, so that dialers and connections are reused',
  )
})
