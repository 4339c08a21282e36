import t, { type Test } from 'tap'
import { runCheck } from '../../../src/cli/check.ts'

async function check(t: Test, files: Record<string, string>, config?: string) {
  const result = { out: '', err: '', code: -1 }
  result.code = await runCheck(config === undefined ? {} : { config }, {
    cwd: t.testdir(files),
    env: {},
    out: (text) => {
      result.out += text
    },
    err: (text) => {
      result.err += text
    },
  })
  return result
}

t.test('good settings: 0, and what is in force with where it comes from', async (t) => {
  const { code, out, err } = await check(t, { 'fairlead.yaml': 'proxy:\n  http: http://bob:pw@squid.example:8080\n' })
  t.equal(code, 0)
  t.equal(err, '')
  t.match(out, /^fairlead\.yaml: the settings are good\n/)
  t.match(out, /\n {2}listen\.mixed +127\.0\.0\.1:3128 +default\n/)
  t.match(out, /\n {2}proxy\.mode +manual +default\n/)
  t.match(out, /\n {2}proxy\.http +http:\/\/squid\.example:8080 +fairlead\.yaml:2\n/)
  t.match(out, /other keys at the default\n$/)
})

t.test('no file: 0, the defaults', async (t) => {
  const { code, out } = await check(t, {})
  t.equal(code, 0)
  t.match(out, /^no settings file: everything has its default\n/)
})

t.test('bad settings: 2, problems on standard error, nothing on standard output', async (t) => {
  const { code, out, err } = await check(t, { 'a.yaml': 'log:\n  level: loud\nlogg: {}\n' }, 'a.yaml')
  t.equal(code, 2)
  t.equal(out, '')
  t.equal(
    err,
    [
      'a.yaml:2:10: log.level: "loud" is not known here',
      '  2 |   level: loud',
      '               ^',
      '  expected: debug, info, warn, error, silent',
      '',
      'a.yaml:3:1: logg: there is no key “logg” here',
      '  3 | logg: ***',
      '      ^',
      '  expected: one of listen, proxy, containersProxy, upstreams, containerRules, capture, access, udp, engine, reverse, timeouts, limits, pac, relay, defaultNetworkingMode, dnsInhibition, dns, log, trust, status',
      '  Did you mean log?',
      '',
      '2 problems.',
      '',
    ].join('\n'),
  )
})

t.test('a file that is not there: 2', async (t) => {
  const { code, err } = await check(t, {}, 'nope.yaml')
  t.equal(code, 2)
  t.match(err, /^nope\.yaml: cannot read the settings: there is no such file\n/)
})

t.test('warnings: 0, and told', async (t) => {
  const { code, err } = await check(t, { 'fairlead.yaml': 'proxy: { mode: none, http: "http://a" }' })
  t.equal(code, 0)
  t.match(err, /^1 warning\n\nfairlead\.yaml:1:22: proxy\.http: this has no effect with mode: none/)
})

t.test('a PAC script that does not compile: 2, with its place', async (t) => {
  const { code, out, err } = await check(t, {
    'fairlead.yaml': 'proxy: { embeddedPac: "function FindProxyForURL( {" }',
  })
  t.equal(code, 2)
  t.equal(out, '')
  t.match(err, /^PAC embedded script: .*SyntaxError.* at line 1[\s\S]*\n1 problem\.\n$/)
})
