import { test } from 'tap'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import {
  type AuthorityOptions,
  formatAuthority,
  parseAuthority,
  targetFromHost,
  targetFromUrl,
} from '../../../src/wire/target.ts'

function refusalOf(parse: () => unknown): GatewayError {
  try {
    parse()
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
  throw new Error('it was accepted')
}

const label63 = 'a'.repeat(63)
const name253 = `${label63}.${label63}.${label63}.${'b'.repeat(61)}`

test('authorities that name a target', async (t) => {
  const rows: [text: string, host: string, family: 0 | 4 | 6, port: number, options?: AuthorityOptions][] = [
    ['example.com:443', 'example.com', 0, 443],
    ['EXAMPLE.Com:1', 'example.com', 0, 1],
    ['example.com.:65535', 'example.com', 0, 65535],
    ['localhost:80', 'localhost', 0, 80],
    ['a:00080', 'a', 0, 80],
    ['my_registry.example:5000', 'my_registry.example', 0, 5000],
    ['_dmarc.example:1', '_dmarc.example', 0, 1],
    ['-a-.b--c.example:1', '-a-.b--c.example', 0, 1],
    ['1password.com:443', '1password.com', 0, 443],
    ['0xyz.example:1', '0xyz.example', 0, 1],
    ['1.2.3.4.example:1', '1.2.3.4.example', 0, 1],
    ['1e100.net:1', '1e100.net', 0, 1],
    ['xn--bcher-kva.example:1', 'xn--bcher-kva.example', 0, 1],
    ['XN--BCHER-KVA.example:1', 'xn--bcher-kva.example', 0, 1],
    ['bücher.example:1', 'xn--bcher-kva.example', 0, 1],
    ['BÜCHER.example:1', 'xn--bcher-kva.example', 0, 1],
    ['faß.de:1', 'xn--fa-hia.de', 0, 1],
    ['例え。テスト:1', 'xn--r8jz45g.xn--zckzah', 0, 1],
    ['ｅｘａｍｐｌｅ．com:1', 'example.com', 0, 1],
    ['exa\u00admple.com:1', 'example.com', 0, 1],
    [`${name253}:1`, name253, 0, 1],
    [`${name253}.:1`, name253, 0, 1],
    ['10.20.30.40:8443', '10.20.30.40', 4, 8443],
    ['10.20.30.40.:1', '10.20.30.40', 4, 1],
    ['127.1:80', '127.0.0.1', 4, 80],
    ['0x7f000001:80', '127.0.0.1', 4, 80],
    ['0177.0.0.1:80', '127.0.0.1', 4, 80],
    ['2130706433:80', '127.0.0.1', 4, 80],
    ['１２７.0.0.1:80', '127.0.0.1', 4, 80],
    ['[::1]:443', '::1', 6, 443],
    ['[2001:DB8:0:0:0:0:0:1]:443', '2001:db8::1', 6, 443],
    ['[::ffff:10.0.0.1]:443', '10.0.0.1', 4, 443],
    ['example.com', 'example.com', 0, 443, { defaultPort: 443 }],
    ['[::1]', '::1', 6, 80, { defaultPort: 80 }],
    ['127.1', '127.0.0.1', 4, 80, { defaultPort: 80 }],
    ['example.com:8080', 'example.com', 0, 8080, { defaultPort: 443 }],
  ]
  for (const [text, host, family, port, options] of rows) {
    t.same(parseAuthority(text, options), { host, family, port }, JSON.stringify(text).slice(0, 60))
  }
})

test('authorities that do not', async (t) => {
  const rows: [text: string, says: RegExp, column: number, options?: AuthorityOptions][] = [
    ['', /host is missing/, 1],
    [':443', /host is missing/, 1],
    ['example.com', /port is missing/, 12],
    ['example.com:', /port is missing/, 13],
    ['example.com:', /port is missing/, 13, { defaultPort: 443 }],
    ['example.com:0', /out of range/, 13],
    ['example.com:65536', /out of range/, 13],
    ['example.com:000080', /out of range/, 13],
    ['example.com:-1', /"-" cannot stand in a port/, 13],
    ['example.com:+1', /"\+" cannot/, 13],
    ['example.com:0x50', /"x" cannot stand in a port/, 14],
    ['example.com:８０', /cannot stand in a port/, 13],
    ['example.com:443/x?y', /a path/, 16],
    ['example.com:443?y', /a query/, 16],
    ['example.com:443#y', /a fragment/, 16],
    ['example.com:443 ', /white space/, 16],
    [' example.com:443', /white space/, 1],
    ['example.com/x:443', /a path/, 12],
    ['http://example.com:80', /more than one colon/, 5],
    ['user@127.0.0.1:80', /user information/, 5],
    ['user:secret@example.com:80', /user information/, 12],
    ['@example.com:80', /user information/, 1],
    ['exa mple.com:1', /white space/, 4],
    ['exa\tmple.com:1', /control character/, 4],
    ['example.com\r\nX: y:1', /more than one colon/, 15],
    ['example.com\r\n:1', /control character/, 12],
    ['example.com\0:1', /control character \(0x00\)/, 12],
    ['example.com\x7f:1', /control character \(0x7f\)/, 12],
    ['ex%61mple.com:1', /percent-encoding/, 3],
    ['example.com%2e:1', /percent-encoding/, 12],
    ['example*.com:1', /"\*" cannot/, 8],
    ["ex'ample.com:1", /cannot stand in a host name/, 3],
    ['ex\\ample.com:1', /backslash/, 3],
    ['exam"ple.com:1', /quotation mark/, 5],
    ['a|b:1', /cannot/, 2],
    ['a^b:1', /cannot/, 2],
    ['<a>:1', /cannot/, 1],
    ['a..b:1', /label is empty/, 3],
    ['.a:1', /label is empty/, 1],
    ['a..:1', /label is empty/, 3],
    ['.:1', /label is empty/, 1],
    [`${'a'.repeat(64)}.b:1`, /label is too long/, 1],
    [`${name253}c:1`, /name is too long/, 1],
    [`${'a.'.repeat(2000)}:1`, /too long/, 1101],
    ['1.2.3.4.5:1', /not an IPv4 address/, 1],
    ['256.1.1.1:1', /not an IPv4 address/, 1],
    ['foo.1:1', /not an IPv4 address/, 1],
    ['foo.0x1f:1', /not an IPv4 address/, 1],
    ['foo.09.:1', /not an IPv4 address/, 1],
    ['08:1', /not an IPv4 address/, 1],
    ['4294967296:1', /not an IPv4 address/, 1],
    ['::1:443', /more than one colon/, 1],
    ['2001:db8::1', /more than one colon/, 5],
    ['[::1', /bracket is not closed/, 5],
    ['[::1]443', /between "\]" and the port/, 6],
    ['[::1]x:443', /between "\]" and the port/, 6],
    ['[]:443', /not an IPv6 address/, 2],
    ['[127.0.0.1]:443', /not an IPv6 address/, 2],
    ['[example.com]:443', /not an IPv6 address/, 2],
    ['[::g]:443', /not an IPv6 address/, 2],
    ['[fe80::1%eth0]:443', /zone/, 9],
    ['[::1%25eth0]:443', /zone/, 5],
    ['xn--a:1', /internationalised/, 1],
    ['xn--:1', /internationalised/, 1],
    ['a\u200db:1', /internationalised/, 1],
    ['a／b:1', /internationalised/, 1],
    ['a＠b:1', /internationalised/, 1],
    ['a：80:1', /internationalised/, 1],
    ['℀.com:1', /internationalised/, 1],
    ['\ufffd:1', /internationalised/, 1],
    ['\ud800:1', /internationalised/, 1],
  ]
  for (const [text, says, column, options] of rows) {
    const name = JSON.stringify(text).slice(0, 60)
    const error = refusalOf(() => parseAuthority(text, options))
    t.equal(error.code, 'BAD_REQUEST', name)
    t.match(error.message, says, name)
    t.match(error.message, new RegExp(`at column ${column}$`), name)
    t.match(error.hint, /^Expected .+\.$/, name)
    t.notMatch(error.message, /[\0-\x1f\x7f]|secret/, `${name}: fit to be shown`)
    t.ok(error.message.length < 300, name)
  }
})

test('a host and a port that arrived apart', async (t) => {
  const rows: [host: string, port: number, canonical: string, family: 0 | 4 | 6][] = [
    ['Example.COM.', 1, 'example.com', 0],
    ['::1', 1080, '::1', 6],
    ['[::1]', 1080, '::1', 6],
    ['::FFFF:1.2.3.4', 65535, '1.2.3.4', 4],
    ['0x7f.1', 80, '127.0.0.1', 4],
  ]
  for (const [host, port, canonical, family] of rows) {
    t.same(targetFromHost(host, port), { host: canonical, family, port }, host)
  }
  const bad: [host: string, port: number, says: RegExp][] = [
    ['example.com', 0, /port is out of range/],
    ['example.com', 65536, /port is out of range/],
    ['example.com', 1.5, /port is out of range/],
    ['example.com', Number.NaN, /port is out of range/],
    ['', 80, /host is missing/],
    ['example.com:80', 80, /not an IPv6 address/],
    ['fe80::1%eth0', 80, /zone/],
    ['a b', 80, /white space/],
    ['x'.repeat(2000), 80, /too long/],
  ]
  for (const [host, port, says] of bad)
    t.match(refusalOf(() => targetFromHost(host, port)).message, says, host.slice(0, 40))
})

test('URLs of http and https', async (t) => {
  const rows: [text: string, scheme: string, authority: string, path: string][] = [
    ['http://example.com', 'http', 'example.com:80', '/'],
    ['http://example.com/', 'http', 'example.com:80', '/'],
    ['HTTP://EXAMPLE.com:8080/a/b?c=d', 'http', 'example.com:8080', '/a/b?c=d'],
    ['https://example.com', 'https', 'example.com:443', '/'],
    ['https://example.com?q', 'https', 'example.com:443', '/?q'],
    ['http://example.com:/x', 'http', 'example.com:80', '/x'],
    ['http://[2001:db8::1]/x', 'http', '[2001:db8::1]:80', '/x'],
    ['http://[2001:db8::1]:81/x', 'http', '[2001:db8::1]:81', '/x'],
    ['http://127.1/', 'http', '127.0.0.1:80', '/'],
    ['http://h/a@b:c', 'http', 'h:80', '/a@b:c'],
    ['http://h//x', 'http', 'h:80', '//x'],
    ['http://h/%00%zz', 'http', 'h:80', '/%00%zz'],
    ['http://h/ä', 'http', 'h:80', '/ä'],
  ]
  for (const [text, scheme, authority, path] of rows) {
    const url = targetFromUrl(text)
    t.same([url.scheme, formatAuthority(url.target), url.path], [scheme, authority, path], text)
  }
  const bad: [text: string, says: RegExp][] = [
    ['', /not an http or https URL/],
    ['example.com', /not an http or https URL/],
    ['/path', /not an http or https URL/],
    ['*', /not an http or https URL/],
    ['ftp://example.com/', /not an http or https URL/],
    ['http:example.com', /not an http or https URL/],
    ['http:/example.com', /not an http or https URL/],
    [' http://example.com', /not an http or https URL/],
    ['http://', /host is missing/],
    ['http:///x', /host is missing/],
    ['http://:80/', /host is missing/],
    ['http://?x', /host is missing/],
    ['http://user:secret@h/', /user information, at column 19/],
    ['http://h/a b', /white space .*at column 11/],
    ['http://h/a\r\nb', /control character/],
    ['http://h/\0', /control character/],
    ['http://h/#secret', /fragment/],
    ['http://h#secret', /fragment/],
    ['http://h\\x', /backslash/],
    ['http://h:1:2/', /more than one colon/],
    ['http://[::1/', /bracket/],
    ['http://a b/', /white space/],
    ['http://h b/?token=secret', /white space/],
  ]
  for (const [text, says] of bad) {
    const { message } = refusalOf(() => targetFromUrl(text))
    t.match(message, says, JSON.stringify(text))
    t.notMatch(message, /token=secret|user:secret|[\0-\x1f]/, JSON.stringify(text))
  }
})

test('what is formatted is read back', async (t) => {
  for (const text of ['example.com:1', '[2001:db8::1]:443', '10.0.0.1:65535']) {
    t.equal(formatAuthority(parseAuthority(text)), text)
  }
})
