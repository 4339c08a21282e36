import { inspect } from 'node:util'
import { test } from 'tap'
import { describeHop, parseUpstreamUrl, UpstreamUrlError } from '../../../src/wire/upstream-url.ts'

/** `kind host port [user password] [dns=local]`, with the secret revealed. */
function short(text: string): string {
  const { kind, host, port, credentials, resolveLocally } = parseUpstreamUrl(text)
  const login = credentials ? ` ${credentials.username}|${credentials.password.reveal()}` : ''
  return `${kind} ${host} ${port}${login}${resolveLocally ? ' dns=local' : ''}`
}

function refusalOf(text: string): UpstreamUrlError {
  try {
    parseUpstreamUrl(text)
  } catch (error) {
    if (error instanceof UpstreamUrlError) return error
    throw error
  }
  throw new Error(`accepted: ${text}`)
}

test('URLs of upstreams', async (t) => {
  const rows: [text: string, expected: string][] = [
    ['http://proxy.example', 'http proxy.example 80'],
    ['http://proxy.example:8080', 'http proxy.example 8080'],
    ['http://proxy.example:8080/', 'http proxy.example 8080'],
    ['http://proxy.example:', 'http proxy.example 80'],
    ['HTTP://Proxy.Example.', 'http proxy.example 80'],
    ['https://proxy.example', 'https proxy.example 443'],
    ['socks4://proxy.example', 'socks4 proxy.example 1080'],
    ['socks4a://proxy.example', 'socks4a proxy.example 1080'],
    ['socks5://proxy.example', 'socks5 proxy.example 1080'],
    ['socks5h://proxy.example:9050', 'socks5h proxy.example 9050'],
    ['SOCKS5://10.0.0.1:1', 'socks5 10.0.0.1 1'],
    ['socks5://[2001:DB8::1]', 'socks5 2001:db8::1 1080'],
    ['socks5://[2001:db8::1]:1081', 'socks5 2001:db8::1 1081'],
    ['http://127.1:3128', 'http 127.0.0.1 3128'],
    ['http://bücher.example', 'http xn--bcher-kva.example 80'],
    // User information.
    ['http://user:pass@h', 'http h 80 user|pass'],
    ['http://user@h', 'http h 80 user|'],
    ['http://user:@h', 'http h 80 user|'],
    ['http://:pass@h', 'http h 80 |pass'],
    ['http://@h', 'http h 80'],
    ['http://:@h', 'http h 80'],
    ['http://us%40er:p%40ss@h:1', 'http h 1 us@er|p@ss'],
    ['http://user:p%3Ass@h', 'http h 80 user|p:ss'],
    ['http://user:p:a:ss@h', 'http h 80 user|p:a:ss'],
    ['http://user:p@ss@h', 'http h 80 user|p@ss'],
    ['http://user:p%2Fa%3Fs%23s@h', 'http h 80 user|p/a?s#s'],
    ['http://user:100%25@h', 'http h 80 user|100%'],
    ['http://user:a%20b@h', 'http h 80 user|a b'],
    ['http://user:a+b@h', 'http h 80 user|a+b'],
    ['http://user:%C3%A4%E2%82%AC@h', 'http h 80 user|ä€'],
    ['http://jürgen:pässwörd@h', 'http h 80 jürgen|pässwörd'],
    ['http://u:!$&\'()*+,;=~-._[]{}|^`"<>@h', 'http h 80 u|!$&\'()*+,;=~-._[]{}|^`"<>'],
    ['http://DOMAIN%5Cuser:p@h', 'http h 80 DOMAIN\\user|p'],
    ['socks5://a%3Ab:p@h', 'socks5 h 1080 a:b|p'],
    ['socks5://user@h', 'socks5 h 1080 user|'],
    ['socks4://user@h', 'socks4 h 1080 user|'],
    ['socks4a://user:@h', 'socks4a h 1080 user|'],
    ['https://u:p@[::1]:8443/', 'https ::1 8443 u|p'],
    [`socks5://${'u'.repeat(255)}:${'p'.repeat(255)}@h`, `socks5 h 1080 ${'u'.repeat(255)}|${'p'.repeat(255)}`],
    // Where the name is resolved.
    ['socks5://h?dns=local', 'socks5 h 1080 dns=local'],
    ['socks5://u:p@h:1/?dns=local', 'socks5 h 1 u|p dns=local'],
    ['socks5h://h?dns=remote', 'socks5h h 1080'],
    ['socks4://h?dns=local', 'socks4 h 1080 dns=local'],
    ['http://h?dns=local', 'http h 80 dns=local'],
    ['http://h/?', 'http h 80'],
  ]
  for (const [text, expected] of rows) t.equal(short(text), expected, text.slice(0, 60))
})

test('what is no URL of an upstream', async (t) => {
  const rows: [text: string, says: RegExp, offset: number, expected: RegExp][] = [
    ['', /scheme/, 0, /http:\/\//],
    ['proxy.example:8080', /does not begin with a scheme/, 0, /socks5:\/\//],
    ['proxy.example', /does not begin with a scheme/, 0, /socks5:\/\//],
    ['//proxy.example', /does not begin with a scheme/, 0, /socks5:\/\//],
    ['http:/proxy.example', /does not begin with a scheme/, 0, /http:\/\//],
    [' http://proxy.example', /does not begin with a scheme/, 0, /http:\/\//],
    ['ftp://proxy.example', /not a scheme of a proxy/, 0, /socks4a:\/\//],
    ['socks://proxy.example', /not a scheme of a proxy/, 0, /socks5:\/\//],
    ['socks6://proxy.example', /not a scheme of a proxy/, 0, /socks5:\/\//],
    ['http://', /host is missing/, 7, /name/],
    ['http://:8080', /host is missing/, 7, /name/],
    ['http://user:hunter2@', /host is missing/, 20, /name/],
    ['http://user:hunter2@:80', /host is missing/, 20, /name/],
    ['http://user:hunter2', /port is not a number/, 12, /port/],
    ['http://h:0', /out of range/, 9, /port/],
    ['http://h:65536', /out of range/, 9, /port/],
    ['http://h:80x', /port is not a number/, 9, /port/],
    ['http://h/path', /no path/, 8, /nothing/],
    ['http://h//', /no path/, 8, /nothing/],
    ['http://h#x', /no path or fragment/, 8, /nothing/],
    ['http://h?x=y', /this query means nothing/, 8, /dns=local/],
    ['http://h?dns=LOCAL', /this query means nothing/, 8, /dns=local/],
    ['http://h?dns=local&x', /this query means nothing/, 8, /dns=local/],
    ['http://h/?dns=', /this query means nothing/, 9, /dns=local/],
    ['socks4://h?dns=remote', /addresses only/, 10, /socks4a/],
    ['http://user:hun/ter2@h', /a path \("\/"\) stands before the "@"/, 15, /%2F/],
    ['http://user:hun?ter2@h', /a query/, 15, /%3F/],
    ['http://user:hun#ter2@h', /a fragment/, 15, /%23/],
    ['http://user:hun\\ter2@h', /a backslash/, 15, /%5C/],
    ['http://user:hunter2%@h', /"%" without two hex digits in the password/, 19, /%25/],
    ['http://user:%4hunter2@h', /"%" without two hex digits/, 12, /%25/],
    ['http://us%er:hunter2@h', /"%" without two hex digits in the user name/, 9, /%25/],
    ['http://user:hunter2%ff@h', /not UTF-8/, 12, /UTF-8/],
    ['http://user:hunter2%00@h', /control character/, 12, /without/],
    ['http://user:hunter2%0d%0a@h', /control character/, 12, /without/],
    ['http://user:hun ter2@h', /white space/, 15, /percent-encoded/],
    ['http://us%3Aer:hunter2@h', /colon in the user name/, 7, /7617/],
    ['socks5://:hunter2@h', /user name is empty/, 9, /1929/],
    ['socks4://user:hunter2@h', /SOCKS4 knows no password/, 13, /socks5/],
    [`socks5://${'u'.repeat(256)}:hunter2@h`, /too long/, 9, /255 octets/],
    [`socks5://u:${'ä'.repeat(128)}@h`, /too long/, 11, /255 octets/],
    [`http://u:${'p'.repeat(1025)}@h`, /too long/, 9, /1024 octets/],
    [`http://u:${'p'.repeat(9000)}@h`, /URL is too long/, 8192, /8192/],
    ['http://::1:80', /more than one colon/, 7, /brackets/],
    ['http://[::1', /bracket is not closed/, 8, /\]/],
    ['http://[::1]80', /bracket is not closed/, 14, /\]/],
    ['http://[fe80::1%25eth0]', /zone/, 15, /without/],
    ['http://user:hunter2@a b', /white space/, 21, /letters/],
    ['http://user:hunter2@foo.1', /not an IPv4 address/, 20, /name/],
    ['http://user:hunter2@h%41', /percent-encoding/, 21, /letters/],
  ]
  for (const [text, says, offset, expected] of rows) {
    const error = refusalOf(text)
    const name = text.slice(0, 60)
    t.match(error.message, says, name)
    t.equal(error.offset, offset, `${name}: where`)
    t.match(error.expected, expected, `${name}: what was expected`)
    t.notMatch(inspect(error), /hunter2|ter2|uuuu|pppp|ää/, `${name}: no secret`)
  }
})

test('a hop shown is a hop without its secret', async (t) => {
  const hop = parseUpstreamUrl('socks5://user:hunter2@[2001:db8::1]')
  t.equal(describeHop(hop), 'socks5://[2001:db8::1]:1080')
  for (const shown of [describeHop(hop), JSON.stringify(hop), inspect(hop), `${hop.credentials?.password}`]) {
    t.notMatch(shown, /hunter2/)
  }
})
