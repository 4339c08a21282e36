import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { runPacEval, runPacParse } from '../../../src/cli/pac.ts'

async function setUp(t: Test) {
  const cwd = await mkdtemp(join(tmpdir(), 'fairlead-cli-'))
  t.teardown(() => rm(cwd, { recursive: true }))
  const written = { out: '', err: '' }
  const io = {
    out: (text: string) => {
      written.out += text
    },
    err: (text: string) => {
      written.err += text
    },
    env: {},
    cwd,
  }
  return { cwd, io, written }
}

const find = (body: string) => `function FindProxyForURL(url, host) { ${body} }`

/** Its variables hold what it was told first. */
const keeping = `var mine, name, time
  function FindProxyForURL(url, host) {
    mine = mine || myIpAddress(); name = name || dnsResolve(host); time = time || new Date()
    return mine + " " + name + " " + time.getUTCFullYear() }`

test('pac eval --batch: every line answered, in order, under its own circumstances', async (t) => {
  const { cwd, io, written } = await setUp(t)
  await writeFile(join(cwd, 'a.pac'), find('return "PROXY " + host + ":1"'))
  const lines: [line: object | string, expected: object][] = [
    [
      { id: 1, script: find('return url + " " + host'), url: 'https://u:p@Example.com/secret#x' },
      { result: 'https://example.com/ example.com' },
    ],
    [{ id: 'two', file: 'a.pac', url: 'http://x/' }, { result: 'PROXY x:1' }],
    [{ id: 3, file: 'a.pac', url: 'http://x/', host: 'said' }, { result: 'PROXY said:1' }],
    [
      {
        id: 4,
        script: find('return dnsResolveEx(host)'),
        url: 'http://N.example/',
        dns: { 'n.example': ['10.0.0.1', '2001:db8::1'] },
      },
      { result: '10.0.0.1;2001:db8::1' },
    ],
    [
      {
        id: 'as a resolver spells it',
        script: find('return dnsResolveEx(host) + " " + myIpAddressEx()'),
        url: 'http://x/',
        dns: { x: ['2001:DB8::0:1', '::ffff:a00:1', '10.0.0.1'] },
        myIp: ['2001:DB8:0::2'],
      },
      { result: '2001:db8::1;::ffff:10.0.0.1;10.0.0.1 2001:db8::2' },
    ],
    [{ id: 5, script: find('return "" + dnsResolve("other.example")'), url: 'http://x/', dns: {} }, { result: 'null' }],
    [
      {
        id: 6,
        script: find('return myIpAddress() + new Date().toISOString()'),
        url: 'http://x/',
        dns: {},
        myIp: ['192.0.2.9'],
        now: '2024-02-29T12:00:00Z',
      },
      { result: '192.0.2.92024-02-29T12:00:00.000Z' },
    ],
    [{ id: 7, script: find('return null'), url: 'http://x/' }, { error: { code: 'PAC_FAILED' } }],
    [{ id: 8, script: 'function (', url: 'http://x/' }, { error: { code: 'PAC_FAILED' } }],
    [{ id: 9, file: 'none.pac', url: 'http://x/' }, { error: { code: 'PAC_FAILED' } }],
    [{ id: 10, url: 'http://x/' }, { error: { code: 'BAD_LINE' } }],
    [{ id: 11, script: find(''), url: 'nowhere' }, { error: { code: 'BAD_LINE' } }],
    [{ id: 12, script: find(''), url: 'http://x/', now: 'soon' }, { error: { code: 'BAD_LINE' } }],
    [
      { id: 'before', script: find(''), url: 'http://x/', now: '1969-12-31T23:59:59Z' },
      { error: { code: 'BAD_LINE', message: '"now" must lie between 1970 and 2554' } },
    ],
    [
      { id: 'latest', script: find('return new Date().toISOString()'), url: 'http://x/', now: '2554-07-21T23:34:33Z' },
      { result: '2554-07-21T23:34:33.000Z' },
    ],
    [{ id: 'after', script: find(''), url: 'http://x/', now: '2554-07-22T00:00:00Z' }, { error: { code: 'BAD_LINE' } }],
    [{ id: 13, script: find(''), url: 'http://x/', dns: { a: ['not an address'] } }, { error: { code: 'BAD_LINE' } }],
    ...['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'].map((address, i): [object, object] => [
      {
        id: `kept ${i}`,
        script: keeping,
        url: 'http://x/',
        dns: { x: [address] },
        myIp: [address],
        now: `202${i}-01-01T00:00:00Z`,
      },
      { result: `${address} ${address} 202${i}` },
    ]),
    ['{"id":14', { error: { code: 'BAD_LINE' } }],
    [{ id: 15, script: find('return "DIRECT"'), url: 'http://x/' }, { result: 'DIRECT' }],
  ]
  const file = join(cwd, 'batch.jsonl')
  await writeFile(file, lines.map(([line]) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'))
  t.equal(await runPacEval({ batch: file }, io), 0)
  const answers = written.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.equal(answers.length, lines.length)
  for (const [index, [line, expected]] of lines.entries()) {
    t.match(answers[index], expected, JSON.stringify(line))
    if (typeof line === 'object' && 'id' in line) t.equal(answers[index].id, line.id)
  }
})

test('pac eval: a batch has its scripts and URLs in it, and beside it none are taken', async (t) => {
  const { cwd, io, written } = await setUp(t)
  await writeFile(join(cwd, 'a.pac'), find('return "DIRECT"'))
  await writeFile(join(cwd, 'batch.jsonl'), JSON.stringify({ id: 1, file: 'a.pac', url: 'http://x/' }))
  for (const beside of [{ file: 'a.pac' }, { url: 'http://x/' }, { url: 'http://x/', host: 'x' }])
    t.equal(await runPacEval({ batch: 'batch.jsonl', ...beside }, io), 2)
  t.equal(written.out, '')
  t.match(written.err, /^--batch goes without --file and URL: each line has its own\n/)
})

test('pac eval --file', async (t) => {
  const { cwd, io, written } = await setUp(t)
  await writeFile(
    join(cwd, 'a.pac'),
    find('alert("seen"); return dnsDomainIs(host, ".example") ? "PROXY p:1; junk" : "DIRECT"'),
  )
  t.equal(await runPacEval({ file: 'a.pac', url: 'http://www.example/' }, io), 0)
  t.equal(written.out, 'PROXY p:1; junk\n')
  t.equal(written.err, 'alert: seen\n')
  written.out = ''
  t.equal(await runPacEval({ file: 'a.pac', url: 'http://www.example/', trace: true }, io), 0)
  t.match(written.out, /call {8}dnsDomainIs\("www.example", ".example"\) = true/)
  t.match(written.out, /understood {2}1\. http p:1/)
  t.match(written.out, /skipped {5}"junk": unknown type/)
  t.notMatch(written.out, /^form/m)
  for (const [url, form] of [
    ['https://www.example:443', true],
    ['https://www.example:443/', false],
  ] as const) {
    written.out = ''
    t.equal(await runPacEval({ file: 'a.pac', url, trace: true }, io), 0)
    t.equal(/^form {8}as for containers/m.test(written.out), form, url)
  }
  t.equal(await runPacEval({ file: 'a.pac' }, io), 2, 'no URL')
  t.equal(await runPacEval({ file: 'a.pac', url: 'x' }, io), 2, 'no URL worth the name')
  t.equal(await runPacEval({ file: 'none.pac', url: 'http://x/' }, io), 1)
  t.match(written.err, /none\.pac/)
})

test('pac parse --batch', async (t) => {
  const { cwd, io, written } = await setUp(t)
  const file = join(cwd, 'batch.jsonl')
  await writeFile(file, '{"id":1,"result":"SOCKS5 s; DIRECT"}\n{"id":2,"result":"junk"}\n{"id":3}\n')
  t.equal(await runPacParse({ batch: file }, io), 0)
  const [first, second, third] = written.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.strictSame(first, { id: 1, candidates: [{ hops: [{ kind: 'socks5', host: 's', port: 1080 }] }, { hops: [] }] })
  t.match(second, { id: 2, candidates: [], skipped: [{ entry: 'junk' }] })
  t.match(third, { id: 3, error: { code: 'BAD_LINE' } })
})

test('pac eval --trace: what a failed script did until then', async (t) => {
  const { cwd, io, written } = await setUp(t)
  await writeFile(join(cwd, 'a.pac'), find('alert("here"); isPlainHostName(host); return nowhere.at'))
  t.equal(await runPacEval({ file: 'a.pac', url: 'http://www.example/', trace: true }, io), 1)
  t.match(written.out, /call +isPlainHostName\("www\.example"\) = false/)
  t.match(written.out, /alert +"here"/)
  t.match(written.err, /nowhere is not defined.*line 1, column/)
})

test('pac eval: what global code did and said', async (t) => {
  const { cwd, io, written } = await setUp(t)
  const global = 'alert("loading"); var plain = isPlainHostName("a.b")\n'
  await writeFile(join(cwd, 'a.pac'), global + find('alert("asked"); return "DIRECT"'))
  const ask = { file: 'a.pac', url: 'http://www.example/' }
  t.equal(await runPacEval({ ...ask, trace: true }, io), 0)
  t.match(
    written.out,
    /load call +isPlainHostName\("a\.b"\) = false\nload alert +"loading"\nurl .*\nhost .*\nalert +"asked"\n/,
  )
  t.equal(await runPacEval(ask, io), 0)
  t.equal(written.err, 'alert: loading\nalert: asked\n')
  written.err = ''
  for (const end of [find('alert("asked"); return nowhere'), 'nowhere()']) {
    await writeFile(join(cwd, 'a.pac'), global + end)
    t.equal(await runPacEval(ask, io), 1)
    t.match(written.err, /^alert: loading\n(alert: asked\n)?.*nowhere/)
    written.err = written.out = ''
    t.equal(await runPacEval({ ...ask, trace: true }, io), 1)
    t.match(written.out, /load alert +"loading"/)
    written.err = ''
  }
})

test('pac eval --trace: the calls before the decision, and how many are left out', async (t) => {
  const { cwd, io, written } = await setUp(t)
  const calls = (count: number) =>
    `for (var i = 1; i <= ${count}; i++) if (shExpMatch(host, i === ${count} ? "*" : "*.r" + i)) return "PROXY p:" + i`
  const ask = { file: 'a.pac', url: 'http://www.example/' }
  await writeFile(join(cwd, 'a.pac'), find(calls(77)))
  t.equal(await runPacEval({ ...ask, trace: true }, io), 0)
  t.equal(written.out.match(/^call /gm)?.length, 77)
  t.match(written.out, /call {8}shExpMatch\("www\.example", "\*"\) = true\nanswer/)
  written.out = ''
  await writeFile(join(cwd, 'a.pac'), find(`for (var n = 0; n < 1010; n++) alert(n); ${calls(2345)}`))
  t.equal(await runPacEval({ ...ask, trace: true }, io), 0)
  t.match(
    written.out,
    /"\*\.r1000"\) = false\ncall {8}… 345 more calls are not shown\ncall {8}shExpMatch\("www\.example", "\*\.r1346"\) = false\n/,
  )
  t.match(written.out, /"\*\.r2344"\) = false\ncall {8}shExpMatch\("www\.example", "\*"\) = true\n/)
  t.match(written.out, /alert {7}"999"\nalert {7}… 10 more alerts are not shown\n/)
  t.equal(await runPacEval(ask, io), 0)
  t.match(written.err, /alert: 999\n10 more alerts are not shown\n/)
})

test('pac eval: a file that cannot be read, in words', async (t) => {
  const { cwd, io, written } = await setUp(t)
  t.equal(await runPacEval({ file: '.', url: 'http://a/' }, io), 1)
  t.equal(written.err, `cannot read the PAC file ${cwd}: EISDIR\n`)
})

test('pac eval: a TZ that is not understood is said', async (t) => {
  const { cwd, io, written } = await setUp(t)
  await writeFile(join(cwd, 'a.pac'), find('return "DIRECT"'))
  const env = { TZ: '/usr/share/zoneinfo/Europe/Berlin' }
  await runPacEval({ file: 'a.pac', url: 'http://x/' }, { ...io, env })
  t.equal(written.out, 'DIRECT\n')
  t.match(written.err, /^TZ is .*a file: .*Write a name such as Europe\/Berlin\n$/)
})
