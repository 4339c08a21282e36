import { inspect } from 'node:util'
import { test } from 'tap'
import { describeChain } from '../../../src/router/decision.ts'
import { decideByEnvironment, readEnvironment } from '../../../src/router/environment.ts'
import { queryFor } from '../../fixtures/route-query.ts'

/** The way out in short, or `reject`. */
function wayOut(env: Record<string, string>, url: string): string {
  const { candidates } = decideByEnvironment(readEnvironment(env), queryFor(url))
  return candidates[0] ? describeChain(candidates[0].hops) : 'reject'
}

test('which variable speaks', async (t) => {
  const rows: [env: Record<string, string>, url: string, expected: string][] = [
    [{}, 'http://a.example', 'direct'],
    [{ http_proxy: 'http://p:1' }, 'http://a.example', 'http://p:1'],
    [{ http_proxy: 'http://p:1' }, 'https://a.example', 'direct'],
    [{ https_proxy: 'http://p:1' }, 'https://a.example', 'http://p:1'],
    [{ https_proxy: 'http://p:1' }, 'http://a.example', 'direct'],
    [{ https_proxy: 'http://p:1' }, 'a.example:22', 'http://p:1'],
    [{ HTTPS_PROXY: 'http://p:1' }, 'https://a.example', 'http://p:1'],
    [{ HTTP_PROXY: 'http://p:1' }, 'http://a.example', 'http://p:1'],
    [{ HTTP_PROXY: 'http://p:1', REQUEST_METHOD: 'GET' }, 'http://a.example', 'direct'],
    [{ http_proxy: 'http://p:1', REQUEST_METHOD: 'GET' }, 'http://a.example', 'http://p:1'],
    [{ HTTPS_PROXY: 'http://p:1', REQUEST_METHOD: 'GET' }, 'https://a.example', 'http://p:1'],
    [{ http_proxy: 'http://p:1', HTTP_PROXY: 'http://q:2' }, 'http://a.example', 'http://p:1'],
    [{ https_proxy: 'http://p:1', HTTPS_PROXY: 'http://q:2' }, 'https://a.example', 'http://p:1'],
    [{ http_proxy: '', HTTP_PROXY: 'http://q:2' }, 'http://a.example', 'http://q:2'],
    [{ http_proxy: '  ' }, 'http://a.example', 'direct'],
    [{ all_proxy: 'socks5h://p' }, 'http://a.example', 'socks5h://p:1080'],
    [{ ALL_PROXY: 'socks5h://p' }, 'https://a.example', 'socks5h://p:1080'],
    [{ all_proxy: 'socks5h://p', https_proxy: 'http://q:2' }, 'https://a.example', 'http://q:2'],
    [{ all_proxy: 'socks5h://p', HTTPS_PROXY: 'http://q:2' }, 'https://a.example', 'http://q:2'],
    // What stands in it.
    [{ http_proxy: 'p:3128' }, 'http://a.example', 'http://p:3128'],
    [{ http_proxy: 'p' }, 'http://a.example', 'http://p:80'],
    [{ http_proxy: ' http://p:1/ ' }, 'http://a.example', 'http://p:1'],
    [{ http_proxy: 'http://p:1/some/path' }, 'http://a.example', 'http://p:1'],
    [{ http_proxy: 'user:hunter2@p:1' }, 'http://a.example', 'http://p:1'],
    [{ http_proxy: 'http://user:hunter2@p:1/x' }, 'http://a.example', 'http://p:1'],
    [{ all_proxy: 'socks://p:1081/' }, 'http://a.example', 'socks5://p:1081'],
    [{ https_proxy: 'https://p' }, 'https://a.example', 'https://p:443'],
    // Set, but unreadable: never silently direct.
    [{ http_proxy: 'http://user:hunter2@' }, 'http://a.example', 'reject'],
    [{ http_proxy: 'gopher://p' }, 'http://a.example', 'reject'],
    [{ http_proxy: 'gopher://p' }, 'https://a.example', 'direct'],
    [{ http_proxy: 'gopher://p', no_proxy: 'a.example' }, 'http://a.example', 'direct'],
  ]
  for (const [env, url, expected] of rows) t.equal(wayOut(env, url), expected, `${JSON.stringify(env)} ${url}`)
})

test('no_proxy', async (t) => {
  const rows: [noProxy: string, direct: string[], proxied: string[]][] = [
    ['', [], ['a.example', '10.0.0.1']],
    ['*', ['a.example', '10.0.0.1', '[2001:db8::1]'], []],
    ['a.example', ['a.example', 'x.a.example', 'a.example:8443'], ['b.example', 'xa.example']],
    ['.a.example', ['x.a.example'], ['a.example']],
    ['*.a.example', ['x.a.example'], ['a.example']],
    ['a.example:8443', ['a.example:8443'], ['a.example']],
    ['a.example, b.example', ['a.example', 'b.example'], ['c.example']],
    ['a.example b.example', ['a.example', 'b.example'], ['c.example']],
    ['10.0.0.0/8', ['10.1.1.1'], ['11.0.0.1', 'a.example']],
    ['10.1.1.1', ['10.1.1.1'], ['10.1.1.2']],
    ['10.1.1.1:8443', ['10.1.1.1:8443'], ['10.1.1.1']],
    ['2001:db8::/32', ['[2001:db8::1]'], ['[2001:db9::1]']],
    ['[2001:db8::1]:8443', ['[2001:db8::1]:8443'], ['[2001:db8::1]']],
    // Entries that make no sense are passed over, as everywhere.
    ['user@x, a.example,, 10/8', ['a.example'], ['b.example', '10.1.1.1']],
  ]
  for (const [noProxy, direct, proxied] of rows) {
    const env = { https_proxy: 'http://p:1', no_proxy: noProxy }
    for (const host of direct) t.equal(wayOut(env, `https://${host}`), 'direct', `${noProxy}: ${host}`)
    for (const host of proxied) t.equal(wayOut(env, `https://${host}`), 'http://p:1', `${noProxy}: ${host}`)
  }
  t.equal(wayOut({ https_proxy: 'p', NO_PROXY: 'a.example' }, 'https://a.example'), 'direct')
  t.equal(
    wayOut({ https_proxy: 'p', NO_PROXY: 'a.example', no_proxy: 'b.example' }, 'https://a.example'),
    'http://p:80',
  )
})

test('loopback never goes through a proxy of the environment', async (t) => {
  for (const host of ['localhost', 'a.localhost', 'ip6-localhost', '127.0.0.1', '127.1.2.3', '[::1]']) {
    t.equal(wayOut({ all_proxy: 'http://p:1' }, `http://${host}`), 'direct', host)
  }
  t.equal(wayOut({ all_proxy: 'http://p:1' }, 'http://localhost.example'), 'http://p:1')
})

test('problems are sentences without secrets', async (t) => {
  const environment = readEnvironment({ all_proxy: 'http://user:hunter2@', no_proxy: 'good.example, us:hunter2@x' })
  t.equal(environment.problems.length, 2)
  t.match(environment.problems[0], /^all_proxy: the host is missing; expected/)
  t.match(environment.problems[1], /^no_proxy: entry .* is ignored: .*; expected/)
  t.notMatch(environment.problems.join(), /hunter2/)
  t.notMatch(inspect(decideByEnvironment(environment, queryFor('http://a.example')), { depth: 9 }), /hunter2/)
})
