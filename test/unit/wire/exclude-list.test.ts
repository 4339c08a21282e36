import { test } from 'tap'
import { ExcludeListError, parseExcludeList, readExcludeList } from '../../../src/wire/exclude-list.ts'
import { targetFromUrl } from '../../../src/wire/target.ts'

function matches(list: string | string[], url: string): boolean {
  const { target, scheme } = targetFromUrl(url)
  return parseExcludeList(list).match(target, scheme) !== undefined
}

/** Hosts or URLs; a host stands for `https://host`. */
const urlOf = (text: string) => (text.includes('://') ? text : `https://${text}`)

test('what each entry matches, and what not', async (t) => {
  const rows: [entry: string, yes: string[], no: string[]][] = [
    // Everything.
    ['*', ['example.com', '10.1.2.3', '[::1]', 'localhost', 'http://a.b:1'], []],
    ['**', ['example.com', '[::1]'], []],
    ['*:8443', ['example.com:8443', '[::1]:8443', '10.0.0.1:8443'], ['example.com', 'example.com:8444']],
    ['https://*', ['https://a', 'https://10.0.0.1'], ['http://a']],
    ['http://*:8080', ['http://a:8080'], ['https://a:8080', 'http://a']],
    // A name and everything below it.
    [
      'example.com',
      ['example.com', 'a.example.com', 'a.b.example.com', 'EXAMPLE.COM', 'example.com.', 'example.com:8443'],
      ['example.org', 'com', 'notexample.com', 'example.com.evil.org', 'xexample.com', '10.0.0.1'],
    ],
    ['Example.COM', ['example.com', 'a.example.com'], []],
    ['example.com.', ['example.com', 'example.com.', 'a.example.com'], ['example.org']],
    ['com', ['com', 'example.com'], ['example.org', 'xcom']],
    ['localhost', ['localhost', 'a.localhost'], ['127.0.0.1', '[::1]', 'mylocalhost']],
    ['my_registry.example', ['my_registry.example', 'a.my_registry.example'], ['my-registry.example']],
    ['xn--bcher-kva.example', ['bücher.example', 'xn--bcher-kva.example', 'a.bücher.example'], ['bucher.example']],
    ['bücher.example', ['bücher.example', 'XN--BCHER-KVA.example'], ['bucher.example']],
    ['BÜCHER.example', ['bücher.example'], []],
    ['例え。テスト', ['xn--r8jz45g.xn--zckzah', 'a.例え.テスト'], []],
    ['1password.com', ['1password.com'], ['2password.com']],
    // Below a name only.
    ['.example.com', ['a.example.com', 'a.b.example.com'], ['example.com', 'notexample.com']],
    ['*.example.com', ['a.example.com', 'a.b.example.com', 'A.EXAMPLE.com.'], ['example.com', 'notexample.com']],
    ['*.EXAMPLE.com.', ['a.example.com'], ['example.com']],
    ['.example.com.', ['a.example.com'], ['example.com']],
    ['*.com', ['example.com', 'a.example.com'], ['com', 'example.org']],
    ['*.bücher.example', ['a.bücher.example', 'a.xn--bcher-kva.example'], ['bücher.example']],
    ['.bücher.example', ['a.bücher.example'], ['bücher.example']],
    // Globs on the whole name.
    [
      'foo*.example.com',
      ['foo.example.com', 'foobar.example.com', 'foo.bar.example.com'],
      ['example.com', 'xfoo.example.com', 'foo.example.com.au'],
    ],
    ['*cdn*', ['cdn', 'mycdn.example', 'a.cdn.b', 'xcdnx'], ['cd.n', 'example.com']],
    ['*example.com', ['example.com', 'notexample.com', 'a.example.com'], ['example.com.au']],
    ['example.*', ['example.com', 'example.co.uk'], ['example', 'a.example.com']],
    ['*.*', ['a.b', 'a.b.c', '10.0.0.1'], ['localhost', '[::1]']],
    ['*.*.example.com', ['a.b.example.com'], ['a.example.com']],
    ['a*a', ['aa', 'aba'], ['a', 'ab']],
    ['ab*ba', ['abba', 'abxba'], ['aba']],
    ['FOO*.Example.com', ['foobar.example.com'], []],
    ['foo*.bücher.example', ['foobar.bücher.example'], ['bar.bücher.example']],
    ['foo*.example.com.', ['foobar.example.com'], []],
    ['192.168.*', ['192.168.1.1', '192.168.255.255'], ['192.169.1.1', '10.192.168.1']],
    ['10.*.*.1', ['10.2.3.1'], ['10.2.3.4']],
    ['*.0.0.1', ['127.0.0.1', '10.0.0.1'], ['10.0.0.2']],
    // Addresses, however the URL spells them.
    [
      '127.0.0.1',
      ['127.0.0.1', '127.1', '0x7f000001', '2130706433', '0177.0.0.1', '[::ffff:127.0.0.1]', '127.0.0.1.'],
      ['127.0.0.2', '[::1]', 'localhost'],
    ],
    ['10.1.2.3', ['10.1.2.3', '10.1.515'], ['10.1.2.30', '110.1.2.3', 'a.10.1.2.3.example']],
    ['10.1.2.3.', ['10.1.2.3'], ['10.1.2.4']],
    ['127.1', ['127.0.0.1'], ['127.0.0.2']],
    ['0x7f000001', ['127.0.0.1'], ['127.0.0.2']],
    ['2001:db8::1', ['[2001:db8::1]', '[2001:DB8:0:0:0:0:0:1]'], ['[2001:db8::2]', '[2001:db8::1:1]']],
    ['[2001:db8::1]', ['[2001:db8::1]'], ['[2001:db8::2]']],
    ['2001:DB8:0::0:1', ['[2001:db8::1]'], []],
    ['::1', ['[::1]', '[0:0:0:0:0:0:0:1]', '[::1]:80'], ['[::2]', '127.0.0.1']],
    ['::1:80', ['[::1:80]', '[::1:80]:443'], ['[::1]:80']],
    ['::ffff:10.0.0.1', ['10.0.0.1', '[::ffff:10.0.0.1]'], ['10.0.0.2']],
    // Blocks.
    [
      '10.0.0.0/8',
      ['10.0.0.0', '10.255.255.255', '[::ffff:10.1.1.1]', '10.1'],
      ['11.0.0.0', '9.255.255.255', '[::a00:1]', '10.example'],
    ],
    ['10.1.2.3/8', ['10.200.1.1'], ['11.1.2.3']],
    ['172.16.0.0/12', ['172.16.0.0', '172.31.255.255'], ['172.15.255.255', '172.32.0.0']],
    ['192.168.1.128/25', ['192.168.1.128', '192.168.1.255'], ['192.168.1.127']],
    ['192.0.2.1/32', ['192.0.2.1'], ['192.0.2.0']],
    ['192.0.2.0/31', ['192.0.2.1'], ['192.0.2.2']],
    ['0.0.0.0/0', ['1.2.3.4', '255.255.255.255'], ['[2001:db8::1]', 'example.com']],
    ['0.0.0.0/1', ['127.0.0.1'], ['128.0.0.1']],
    ['2001:db8::/32', ['[2001:db8::1]', '[2001:db8:ffff:ffff::]'], ['[2001:db9::]', '32.1.13.184']],
    ['[2001:db8::]/32', ['[2001:db8::1]'], ['[2001:db9::]']],
    ['[2001:db8::/32]', ['[2001:db8::1]'], ['[2001:db9::]']],
    ['2001:db8::/33', ['[2001:db8:7fff::]'], ['[2001:db8:8000::]']],
    ['2001:db8::1/128', ['[2001:db8::1]'], ['[2001:db8::]']],
    ['::/0', ['[::1]', '[ffff::]'], ['10.0.0.1']],
    ['::ffff:10.0.0.0/104', ['10.9.9.9'], ['11.0.0.0']],
    // Ports.
    [
      'example.com:8443',
      ['example.com:8443', 'a.example.com:8443', 'http://example.com:8443'],
      ['example.com', 'example.com:443'],
    ],
    ['example.com:443', ['https://example.com', 'http://example.com:443'], ['http://example.com']],
    ['example.com:80', ['http://example.com'], ['https://example.com']],
    ['.example.com:8443', ['a.example.com:8443'], ['example.com:8443', 'a.example.com']],
    ['*.example.com:8443', ['a.example.com:8443'], ['example.com:8443', 'a.example.com']],
    ['*cdn*:8443', ['mycdn.example:8443'], ['mycdn.example']],
    ['10.1.2.3:8443', ['10.1.2.3:8443'], ['10.1.2.3', '10.1.2.4:8443']],
    ['10.0.0.0/8:443', ['https://10.1.2.3', 'http://10.1.2.3:443'], ['http://10.1.2.3', '11.0.0.0']],
    ['[2001:db8::1]:8443', ['[2001:db8::1]:8443'], ['[2001:db8::1]', '[2001:db8::1:8443]']],
    ['2001:db8::/32:8443', ['[2001:db8::7]:8443'], ['[2001:db8::7]']],
    ['[2001:db8::]/32:8443', ['[2001:db8::7]:8443'], ['[2001:db8::7]']],
    ['[2001:db8::/32]:8443', ['[2001:db8::7]:8443'], ['[2001:db8::7]']],
    ['example.com:08443', ['example.com:8443'], []],
    // Schemes.
    ['http://example.com', ['http://example.com', 'http://a.example.com:8080'], ['https://example.com']],
    [
      'https://example.com',
      ['https://example.com', 'https://a.example.com:8443'],
      ['http://example.com', 'http://example.com:443'],
    ],
    ['HTTPS://Example.com', ['https://example.com'], ['http://example.com']],
    [
      'https://*.example.com:8443',
      ['https://a.example.com:8443'],
      ['http://a.example.com:8443', 'https://a.example.com', 'https://example.com:8443'],
    ],
    ['https://.example.com', ['https://a.example.com'], ['https://example.com', 'http://a.example.com']],
    ['http://10.0.0.0/8', ['http://10.1.1.1'], ['https://10.1.1.1']],
    ['http://10.0.0.0/8:8080', ['http://10.1.1.1:8080'], ['http://10.1.1.1', 'https://10.1.1.1:8080']],
    ['https://[2001:db8::1]:8443', ['https://[2001:db8::1]:8443'], ['http://[2001:db8::1]:8443']],
    ['https://2001:db8::/32', ['https://[2001:db8::1]'], ['http://[2001:db8::1]']],
    ['https://<local>', ['https://intranet'], ['http://intranet', 'https://a.b']],
    ['https://foo*', ['https://foobar'], ['http://foobar']],
    // Names without a dot.
    ['<local>', ['intranet', 'localhost', 'INTRANET', 'intranet.'], ['a.b', '10.0.0.1', '[::1]']],
    ['<LOCAL>', ['intranet'], ['a.b']],
    ['<local>:80', ['http://intranet'], ['https://intranet']],
  ]
  let count = 0
  for (const [entry, yes, no] of rows) {
    for (const text of yes) t.ok(matches(entry, urlOf(text)), `${entry} matches ${text}`)
    for (const text of no) t.notOk(matches(entry, urlOf(text)), `${entry} does not match ${text}`)
    count += yes.length + no.length
  }
  t.ok(count > 200, `${count} pairs`)
})

test('entries that make no sense', async (t) => {
  const rows: [entry: string, says: RegExp, offset: number][] = [
    ['.', /host is missing/, 1],
    ['*.', /host is missing/, 2],
    ['..', /label is empty/, 1],
    ['..example.com', /label is empty/, 1],
    ['*..example.com', /label is empty/, 2],
    ['a..b', /label is empty/, 2],
    ['a..*', /label is empty/, 2],
    ['example.com..', /label is empty/, 12],
    [':80', /nothing stands before the port/, 0],
    [':', /nothing stands before the port/, 0],
    ['http://', /nothing stands before the port/, 7],
    ['https://:443', /nothing stands before the port/, 8],
    ['://example.com', /http and https only/, 0],
    ['ftp://example.com', /http and https only/, 0],
    ['*://example.com', /http and https only/, 0],
    ['http://http://example.com', /followed by a path/, 12],
    ['example.com:', /port is out of range/, 12],
    ['example.com:0', /port is out of range/, 12],
    ['example.com:65536', /port is out of range/, 12],
    ['example.com:*', /cannot stand in a port/, 12],
    ['example.com:80-90', /cannot stand in a port/, 14],
    ['example.com:443:1', /IPv6/, 0],
    ['*:', /port is out of range/, 2],
    ['<local', /token/, 0],
    ['<-loopback>', /token/, 0],
    ['<local>.example.com', /token/, 0],
    ['example.com/path', /followed by a path/, 11],
    ['https://example.com/', /followed by a path/, 19],
    ['*.example.com/8', /followed by a path/, 13],
    ['10.0.0.0/33', /prefix length/, 9],
    ['10.0.0.0/', /prefix length/, 9],
    ['10.0.0.0/-1', /prefix length/, 9],
    ['10.0.0.0/8/8', /prefix length/, 9],
    ['10.0.0.0/255.0.0.0', /prefix length/, 9],
    ['10.0.0.0/8:0', /port/, 11],
    ['2001:db8::/129', /prefix length/, 11],
    ['::ffff:10.0.0.0/95', /prefix length/, 16],
    ['10/8', /address of a block/, 0],
    ['10.0/16', /address of a block/, 0],
    ['010.0.0.0/8', /address of a block/, 0],
    ['256.0.0.0/8', /address of a block/, 0],
    ['cafe/8', /address of a block/, 0],
    ['[10.0.0.0]/8', /brackets/, 1],
    ['[10.0.0.0/8]', /brackets/, 1],
    ['[10.1.2.3]', /IPv6/, 1],
    ['[::1', /bracket/, 1],
    ['[::1]x', /bracket/, 6],
    ['[::1]]', /IPv6/, 1],
    ['[]', /IPv6/, 1],
    ['fe80::1%eth0', /IPv6/, 0],
    ['[fe80::1%eth0]', /zone/, 8],
    ['1:2:3:4:5:6:7:8:443', /IPv6/, 0],
    ['10', /two ways/, 0],
    ['8080', /two ways/, 0],
    ['10.', /two ways/, 0],
    ['192.168', /two ways/, 0],
    ['192.168.', /two ways/, 0],
    ['192.168.1', /two ways/, 0],
    ['010.1.2.3', /two ways/, 0],
    ['192.168.001.001', /two ways/, 0],
    ['.168.1.1', /below an address/, 1],
    ['256.1.1.1', /not an IPv4 address/, 0],
    ['foo.1', /not an IPv4 address/, 0],
    ['1.2.3.4.5', /not an IPv4 address/, 0],
    ['user@example.com', /user information/, 4],
    ['example.com?x', /query/, 11],
    ['exa%6dple.com', /percent/, 3],
    ['!example.com', /"!" cannot/, 0],
    ['"example.com"', /quotation mark/, 0],
    ["'example.com'", /cannot/, 0],
    ['exam?le.com', /query/, 4],
    ['foo[0-9].com', /cannot/, 3],
    ['bü*.example', /cannot stand in a label with "\*"/, 1],
    ['*foo$', /cannot stand in a label with "\*"/, 4],
    ['.*', /"\*" cannot/, 1],
    ['xn--a', /internationalised/, 0],
    ['＊.example.com', /internationalised/, 0],
    [`${'a'.repeat(64)}.com`, /label is too long/, 0],
    [`*.${'a'.repeat(64)}.x*`, /label is too long/, 2],
    ['a'.repeat(1101), /entry is too long/, 1100],
    [`a\0b`, /control character/, 1],
  ]
  for (const [entry, says, offset] of rows) {
    const { problems } = readExcludeList(entry)
    const name = JSON.stringify(entry).slice(0, 50)
    t.equal(problems.length, 1, name)
    t.match(problems[0]?.message, says, name)
    t.equal(problems[0]?.offset, offset, `${name}: where`)
    t.ok(problems[0]?.expected, `${name}: what was expected`)
  }
})

test('separators, and lists in lists', async (t) => {
  const forms: (string | string[])[] = [
    'a.example,b.example,10.0.0.0/8',
    'a.example;b.example;10.0.0.0/8',
    'a.example b.example\t10.0.0.0/8',
    ' , a.example ,; b.example\n10.0.0.0/8,, ',
    ['a.example', 'b.example', '10.0.0.0/8'],
    ['a.example, b.example', '', '10.0.0.0/8'],
  ]
  for (const form of forms) {
    const list = parseExcludeList(form)
    t.same(
      list.rules.map((rule) => rule.entry),
      ['a.example', 'b.example', '10.0.0.0/8'],
      JSON.stringify(form),
    )
    t.same(list.match({ host: '10.1.1.1', family: 4, port: 1 }, 'http'), { entry: '10.0.0.0/8', index: 2 })
  }
  for (const empty of ['', ' ,;\n', [], ['', ' ']]) {
    t.equal(parseExcludeList(empty).match({ host: 'a', family: 0, port: 1 }, 'http'), undefined, JSON.stringify(empty))
  }
})

test('the first entry that matches is named, whatever kind it is', async (t) => {
  const list = parseExcludeList('b.example:1, *.b.example, a*, b.example, *, <local>, 10.0.0.0/8, 10.1.0.0/16')
  const rows: [url: string, entry: string, index: number][] = [
    ['http://b.example:1', 'b.example:1', 0],
    ['http://x.b.example', '*.b.example', 1],
    ['http://a.b.example', '*.b.example', 1],
    ['http://abc', 'a*', 2],
    ['http://b.example:2', 'b.example', 3],
    ['http://z', '*', 4],
    ['http://10.1.1.1', '*', 4],
  ]
  for (const [url, entry, index] of rows) {
    const { target, scheme } = targetFromUrl(url)
    t.same(list.match(target, scheme), { entry, index }, url)
  }
})

test('every problem is reported, with its place', async (t) => {
  try {
    parseExcludeList(['ok.example, ..', 'fine; b:0 , [::1'])
    t.fail('accepted')
  } catch (error) {
    if (!(error instanceof ExcludeListError)) throw error
    t.same(
      error.problems.map(({ index, item, offset, entry }) => ({ index, item, offset, entry })),
      [
        { index: 1, item: 0, offset: 13, entry: '..' },
        { index: 3, item: 1, offset: 8, entry: 'b:0' },
        { index: 4, item: 1, offset: 13, entry: '[::1' },
      ],
    )
    t.match(error.message, /bad entry "\.\.": a label is empty, at column 14; expected .*, and 2 more/)
  }
  t.equal(readExcludeList('.,'.repeat(1000)).problems.length, 100, 'bounded')
  t.same(
    readExcludeList('good.example .. also.example').list.rules.map((rule) => rule.index),
    [0, 2],
    'the good ones stay',
  )
})

test('a list has a limit', async (t) => {
  const { list, problems } = readExcludeList('a '.repeat(100_050))
  t.equal(list.rules.length, 100_000)
  t.match(problems, [{ index: 100_000, message: /list is too long/ }])
})

test('ten thousand entries cost little', async (t) => {
  const entries = Array.from({ length: 10_000 }, (_, place) => [
    `h${place}.example.com`,
    `10.${place >> 8}.${place & 255}.0/24`,
  ])
  const list = parseExcludeList(entries.flat())
  const globs = parseExcludeList(entries.map(([name]) => `*x${name}*`))
  const started = performance.now()
  for (let round = 0; round < 10_000; round++) {
    list.match({ host: `a.b.miss${round}.example.com`, family: 0, port: 443 }, 'https')
    list.match({ host: '11.1.2.3', family: 4, port: 443 }, 'https')
  }
  const indexed = performance.now() - started
  for (let round = 0; round < 50; round++) globs.match({ host: 'a.b.c.example.com', family: 0, port: 443 }, 'https')
  const linear = performance.now() - started - indexed
  // Walking the list for each look-up would take minutes; these bounds hold on a busy machine.
  t.ok(indexed < 2000, `20,000 look-ups among 20,000 names and blocks: ${indexed.toFixed()} ms`)
  t.ok(linear < 2000, `50 look-ups among 10,000 globs: ${linear.toFixed()} ms`)
})
