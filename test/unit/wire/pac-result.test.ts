import { test } from 'tap'
import { parsePacResult } from '../../../src/wire/pac-result.ts'

/** Candidates in short: `direct`, or `kind host port`. */
function short(text: string): string {
  return parsePacResult(text)
    .candidates.map(({ hops }) => hops.map((hop) => `${hop.kind} ${hop.host} ${hop.port}`).join(' > ') || 'direct')
    .join(', ')
}

test('every type, in order', async (t) => {
  const rows: [text: string, expected: string][] = [
    ['DIRECT', 'direct'],
    ['direct', 'direct'],
    ['PROXY foobar:10', 'http foobar 10'],
    ['proxy foobar:10', 'http foobar 10'],
    ['PROXY foobar', 'http foobar 80'],
    ['HTTP foobar', 'http foobar 80'],
    ['HTTPS foopy', 'https foopy 443'],
    ['HTTPS foopy:123', 'https foopy 123'],
    ['SOCKS foopy', 'socks4 foopy 1080'],
    ['SOCKS4 foopy:1', 'socks4 foopy 1'],
    ['SOCKS5 foopy', 'socks5 foopy 1080'],
    ['SoCkS5 FooPy.Example.', 'socks5 foopy.example 1080'],
    ['PROXY foopy:10 ; DIRECT', 'http foopy 10, direct'],
    ['PROXY foopy1:80;PROXY foopy2:80;SOCKS5 s:1;DIRECT', 'http foopy1 80, http foopy2 80, socks5 s 1, direct'],
    // Blanks and tabs around and within; empty parts.
    ['  PROXY \t foopy:10  ', 'http foopy 10'],
    [';;PROXY foopy:10;; ; DIRECT;', 'http foopy 10, direct'],
    // Hosts as the URL standard reads them.
    ['PROXY 10.0.0.1:3128', 'http 10.0.0.1 3128'],
    ['PROXY 0x7f.1:3128', 'http 127.0.0.1 3128'],
    ['PROXY [::1]:3128', 'http ::1 3128'],
    ['PROXY [2001:DB8:0:0::1]', 'http 2001:db8::1 80'],
    ['PROXY [::ffff:10.0.0.1]:80', 'http 10.0.0.1 80'],
    ['PROXY proxy.example :8080', 'http proxy.example 8080'],
    ['PROXY foo_bar:080', 'http foo_bar 80'],
    // A black hole: the proxy fails, and nothing goes out (seen in Chromium's net log).
    ['PROXY 0.0.0.0:0', 'http 0.0.0.0 0'],
    ['PROXY foopy:000; SOCKS5 s:1', 'http foopy 0, socks5 s 1'],
    // An address without brackets ends at the last colon: Chromium's url::ParseAuthority, and ProxyServer::FromSchemeHostAndPort adds them.
    ['PROXY 2001:db8::1:3128', 'http 2001:db8::1 3128'],
    ['SOCKS5 ::1:1080', 'socks5 ::1 1080'],
    ['PROXY 2001:DB8:0:0::1 :3128', 'http 2001:db8::1 3128'],
    ['PROXY 1:2:3:4:5:6:7:8:9', 'http 1:2:3:4:5:6:7:8 9'],
    ['PROXY ::ffff:10.0.0.1:80', 'http 10.0.0.1 80'],
    // White space around the host, of which the entry's end is part where there is no port: the same function trims it.
    ['PROXY foopy\n', 'http foopy 80'],
    ['PROXY \nfoopy:10', 'http foopy 10'],
    ['PROXY foopy\r\n\v\f:10', 'http foopy 10'],
    ['PROXY [::1]\n:10', 'http ::1 10'],
    ['PROXY \n::1 :10', 'http ::1 10'],
    // Said twice, tried twice: Chromium does not remove doubles.
    ['DIRECT; DIRECT', 'direct, direct'],
  ]
  for (const [text, expected] of rows) t.equal(short(text), expected, JSON.stringify(text))
})

test('what makes no sense is skipped with its reason, and the rest stands', async (t) => {
  const rows: [entry: string, reason: RegExp][] = [
    ['PROXY', /no host/],
    ['PROXY-foopy:10', /unknown type/],
    ['PROXY:foopy', /unknown type/],
    ['foopy:10', /unknown type/],
    ['constructor x', /unknown type/],
    ['DIRECT foopy:10', /DIRECT takes no host/],
    ['QUIC foopy', /QUIC/],
    ['PROXY foopy:', /port/],
    ['PROXY foopy:65536', /port/],
    ['PROXY foopy:80a', /port/],
    ['PROXY foopy:-1', /port/],
    ['PROXY a:1:2', /in brackets/],
    ['PROXY ::1', /in brackets/],
    ['PROXY 2001:db8::1', /in brackets/],
    ['PROXY 2001:db8::1:', /port/],
    ['PROXY 1:2:3:4:5:6:7:8', /in brackets/],
    ['PROXY fe80::1%eth0:80', /in brackets/],
    ['PROXY [::1', /neither/],
    ['PROXY [::1:80', /neither/],
    ['PROXY ::1]:80', /in brackets/],
    ['PROXY [::1]x:80', /neither/],
    ['PROXY [::1%25eth0]:80', /neither/],
    ['PROXY http://foopy:10', /without scheme/],
    ['PROXY foo\npy:10', /neither/],
    ['PROXY foopy:10\n', /port/],
    ['PROXY foopy:\n10', /port/],
    ['PROXY \n', /no host|neither/],
    ['PROXY\nfoopy:10', /unknown type/],
    ['DIRECT\n', /unknown type/],
    ['PROXY foopy/path', /neither/],
    ['PROXY two words:80', /neither/],
    ['\nPROXY foopy:10', /unknown type/],
    ['PROXY foo%zz', /neither/],
    ['PROXY 1.2.3.999', /neither/],
    ['PROXY :80', /neither/],
    ['PROXY user:secret@foopy:80', /credentials/],
  ]
  for (const [entry, reason] of rows) {
    const { candidates, skipped } = parsePacResult(`${entry}; PROXY ok:1`)
    t.equal(candidates.length, 1, JSON.stringify(entry))
    t.equal(skipped.length, 1)
    t.match(skipped[0]?.reason, reason, entry)
  }
})

test('nothing usable leaves no candidate', async (t) => {
  for (const text of [
    '',
    ' ',
    ';',
    'garbage',
    'null',
    'undefined',
    'PROXY b\u00fccher.example:80',
    'DIRECT; PROXY \u4f8b',
  ]) {
    t.equal(parsePacResult(text).candidates.length, 0, JSON.stringify(text))
  }
})

test('what is reported holds no secret and is bounded', async (t) => {
  const text = `PROXY user:hunter2@foopy:80; ${'x'.repeat(5000)}; \x1b[31mRED`
  const json = JSON.stringify(parsePacResult(text))
  t.notMatch(json, /hunter2/)
  t.ok(json.length < 1500)
  t.notMatch(json, /\\u001b/)
  const many = parsePacResult('PROXY p:1;'.repeat(10_000) + 'junk;'.repeat(10_000))
  t.equal(many.candidates.length, 100)
  t.equal(many.skipped.length, 20)
})
