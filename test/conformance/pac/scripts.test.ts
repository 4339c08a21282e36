import { type Test, test } from 'tap'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { decodeScript } from '../../../src/pac-engine/decode-script.ts'
import { PacEvaluator } from '../../../src/pac-engine/pac-evaluator.ts'

const evaluator = new PacEvaluator({
  resolver: { resolve: () => Promise.reject(new Error('the table is all there is')) },
})

interface Row {
  readonly source: string
  readonly script: string
  /** The answer, or what the failure's message says. */
  readonly expect: string | RegExp
  readonly url?: string
  readonly host?: string
}

async function check(t: Test, rows: readonly Row[]): Promise<void> {
  for (const { source, script, expect, url = 'http://www.example.com/', host = 'www.example.com' } of rows) {
    const dns = new Map([
      ['www.example.com', ['10.0.0.1']],
      ['other.example', ['192.0.2.9']],
    ])
    const request = { script, origin: 'row', url, host, dns, myIp: ['192.0.2.1'], now: 0 }
    const outcome = await evaluator.evaluate(request).then(
      ({ result }) => result,
      (error: unknown) => {
        if (error instanceof GatewayError) return error
        throw error
      },
    )
    const name = `${source}: ${script.slice(0, 80).replace(/\s+/g, ' ')}`
    if (typeof expect === 'string') t.equal(outcome instanceof GatewayError ? outcome.message : outcome, expect, name)
    else if (outcome instanceof GatewayError) t.match(outcome.message, expect, name)
    else t.fail(`${name}: answered ${outcome}`)
  }
}

const find = (body: string) => `function FindProxyForURL(url, host) { ${body} }`

/** A statement, and the column of the property's name in it. */
const NO_PROPERTY: [statement: string, column: number][] = [
  ['return a.b;', 12],
  ['if (a.b) return "DIRECT";', 9],
  ['var z = u.length;', 13],
  ['return a["b"];', 13],
  ['return a[0];', 12],
  ['return host.x.y ? "a" : "b";', 17],
  ["return '' + a['b'];", 18],
  ['switch (a.b) { }', 13],
  ['return a.b || "DIRECT";', 12],
  ['for (var x of a) { }', 17],
]

test('what a script puts in the place of the library’s own helpers and tables is used, as in Chromium', (t) =>
  check(t, [
    {
      source: 'Chromium: isInNet calls the global isValidIpAddress',
      script: `function isValidIpAddress() { return false } ${find('return "" + isInNet("10.0.0.1", "10.0.0.0", "255.0.0.0")')}`,
      expect: 'false',
    },
    {
      source: 'Chromium: and what is no address to it, is a name',
      script: `function isValidIpAddress(text) { return text !== "www.example.com" && /^[\\d.]+$/.test(text) }
        ${find('return isInNet(host, "10.0.0", "255.0.0.0") + " " + isInNet("none.example", "10.0.0", "255.0.0.0")')}`,
      expect: 'true false',
    },
    {
      source: 'Chromium: isInNet calls the global convert_addr, under a name of its own too',
      script: `var net = isInNet; function convert_addr(text) { return text.length }
        ${find('return net("1.2.3.4", "5.6.7.8", "255.255.255.255") + " " + net("1.2.3.4", "5.6.7.80", "255.255.255.255")')}`,
      expect: 'true false',
    },
    {
      source: 'Chromium: weekdayRange reads the global wdays; 1970 began on a Thursday',
      script: find('wdays = { TODAY: 4, TOMORROW: 5 }; return weekdayRange("TODAY") + " " + weekdayRange("THU")'),
      expect: 'true false',
    },
    {
      source: 'Chromium: dateRange reads the global months',
      script: `var months = { JANVIER: 0, MARS: 2 }; ${find('return dateRange("JANVIER") + " " + dateRange("JAN") + " " + dateRange("JANVIER", "MARS")')}`,
      expect: 'true false true',
    },
    {
      source: 'Chromium: months of the script’s own',
      script: `months = { JAN: 5 }; ${find('return "" + dateRange("JAN")')}`,
      expect: 'false',
    },
  ]))

test('names: as many as Chromium looks up, and addresses are none', (t) =>
  check(t, [
    {
      source: 'Chromium: beyond 20 names nothing resolves',
      script: find(
        'var n = 0; for (var i = 0; i < 30; i++) if (dnsResolve("www.example.com") && dnsResolve("n" + i + ".example") === null) n++; return n + " " + dnsResolve("www.example.com") + " " + dnsResolve("other.example")',
      ),
      expect: '30 10.0.0.1 null',
    },
    {
      source: 'an address is its own answer',
      script: find(
        'var last; for (var i = 0; i < 30; i++) last = dnsResolve("127.0.0." + i) + dnsResolveEx("2001:db8::" + i); return last + dnsResolve("other.example")',
      ),
      expect: '127.0.0.292001:db8::29192.0.2.9',
    },
    { source: 'another name each time', script: find('dnsResolve("n" + Math.random())'), expect: /more than 20 names/ },
  ]))

test('what is an answer', (t) =>
  check(t, [
    { source: 'Netscape 1996', script: find('return "DIRECT"'), expect: 'DIRECT' },
    { source: 'Chromium', script: find('return ""'), expect: '' },
    { source: 'Chromium', script: find('return url + " " + host'), expect: 'http://www.example.com/ www.example.com' },
    { source: 'Chromium', script: find('return arguments.length + typeof this'), expect: '2object' },
    {
      source: 'Chromium calls it on the global object, which only a strict one can tell',
      script: `"use strict"; ${find('return arguments.length + (this === globalThis ? "global" : typeof this)')}`,
      expect: '2global',
    },
    { source: 'Chromium: not a string', script: find(''), expect: /answered no string \(undefined\)/ },
    { source: 'Chromium: not a string', script: find('return null'), expect: /answered no string \(null\)/ },
    { source: 'Chromium: not a string', script: find('return 1'), expect: /answered no string \(number\)/ },
    { source: 'Chromium: not a string', script: find('return true'), expect: /answered no string \(boolean\)/ },
    {
      source: 'Chromium: not a string',
      script: find('return {result: "DIRECT"}'),
      expect: /answered no string \(an object\)/,
    },
    {
      source: 'Chromium: not a string',
      script: find('return FindProxyForURL'),
      expect: /answered no string \(function\)/,
    },
    {
      source: 'Chromium: not a string',
      script: find('return new String("DIRECT")'),
      expect: /answered no string \(an object\)/,
    },
    { source: 'Chromium: not a string', script: find('return ["DIRECT"]'), expect: /answered no string/ },
    {
      source: 'Chromium: not a string',
      script: find('return Symbol("DIRECT")'),
      expect: /answered no string \(symbol\)/,
    },
    {
      source: 'Chromium: a Promise is no string',
      script: `async ${find('return "DIRECT"')}`,
      expect: /answered no string \(a Promise\)/,
    },
    {
      source: 'Chromium: a generator is no string',
      script: 'function* FindProxyForURL() { yield "DIRECT" }',
      expect: /answered no string/,
    },
    { source: 'Chromium: not ASCII', script: find('return "PROXY b\u00fccher.example:80"'), expect: /outside ASCII/ },
    { source: 'a NUL ends nothing', script: find('return "DIRECT\\0; PROXY x:1"'), expect: /outside ASCII/ },
  ]))

test('what is a script', (t) =>
  check(t, [
    {
      source: 'Chromium: no entry point',
      script: 'var x = 1',
      expect: /FindProxyForURL is undefined or not a function/,
    },
    { source: 'Chromium: empty', script: '', expect: /FindProxyForURL is undefined/ },
    {
      source: 'Chromium: not a function',
      script: 'var FindProxyForURL = "DIRECT"',
      expect: /FindProxyForURL is undefined/,
    },
    {
      source: 'Chromium: missing brace',
      script: 'function FindProxyForURL(url, host) {\n  return "DIRECT"\n',
      expect: /SyntaxError.*line \d/,
    },
    {
      source: 'a page instead of a script',
      script: '<html><body>Not found</body></html>',
      expect: /SyntaxError.*line 1/,
    },
    {
      source: 'Chromium: exception',
      script: 'function FindProxyForURL(url, host) {\n\n  return undefined_variable\n}',
      expect: /ReferenceError: undefined_variable is not defined\) at line 3, column 10: return undefined_variable/,
    },
    {
      source: 'Chromium: exception in global code',
      script: '\nthrow new Error("no")',
      expect: /the script threw|threw an exception \(Error: no\) at line 2/,
    },
    ...NO_PROPERTY.map(([statement, column]) => ({
      source: 'Chromium: a property of nothing',
      script: `// one\nfunction FindProxyForURL(url, host) {\n  var a = null, u, i = 0;\n  // four\n  ${statement}\n  return "b";\n}`,
      expect: new RegExp(`TypeError: .*\\) at line 5, column ${column}: ${statement.replace(/[^\w ]/g, '.')}`),
    })),
    {
      source: 'Chromium: a text that global code throws',
      script: `var x = 1\nthrow "no"\n${find('')}`,
      expect: /the script threw an exception \(no\) at line 2, column 1: throw "no"/,
    },
    {
      source: 'Chromium: a thrown text',
      script: find('throw "no"'),
      expect: /threw an exception \(no\) at line 1, column 39: .*throw "no"/,
    },
    { source: 'a thrown nothing', script: find('throw undefined'), expect: /threw an exception \(undefined\)/ },
    {
      source: 'Chromium: getter throws',
      script: 'Object.defineProperty(globalThis, "FindProxyForURL", { get() { throw "crash!" } })',
      expect: /threw an exception \(crash!\)/,
    },
    { source: 'Chromium: ends with a comment', script: `${find('return "DIRECT"')} // end`, expect: 'DIRECT' },
    {
      source: 'Chromium: ends without a semicolon',
      script: `${find('return x')}\nvar x = "PROXY success:3"`,
      expect: 'PROXY success:3',
    },
    { source: 'a trailing NUL in a text', script: `${find('return "DIRECT"')}\0`, expect: 'DIRECT' },
    { source: 'trailing NULs and a line end', script: `${find('return "DIRECT"')}\0\r\n\0\n`, expect: 'DIRECT' },
    { source: 'Chromium: a NUL in between', script: `${find('return "DIRECT"')}\0;`, expect: /SyntaxError/ },
    { source: 'a trailing NUL', script: decodeScript(Buffer.from(`${find('return "DIRECT"')}\0\0`)), expect: 'DIRECT' },
    {
      source: 'a byte order mark',
      script: decodeScript(Buffer.from(`\ufeff${find('return "DIRECT"')}`)),
      expect: 'DIRECT',
    },
    {
      source: 'UTF-16 with its mark',
      script: decodeScript(Buffer.from(`\ufeff${find('return "DIRECT"')}`, 'utf16le')),
      expect: 'DIRECT',
    },
    {
      source: 'windows-1252',
      script: decodeScript(Buffer.from(`// f\xfcr alle\n${find('return "DIRECT"')}`, 'latin1')),
      expect: 'DIRECT',
    },
    {
      source: 'HTML comment marks, as in Netscape\u2019s days',
      script: `<!-- hide\n${find('return "DIRECT"')}\n// -->`,
      expect: 'DIRECT',
    },
    {
      source: 'CR line ends',
      script: 'function FindProxyForURL(url, host) {\r// comment\rreturn "DIRECT"\r}',
      expect: 'DIRECT',
    },
  ]))

test('entry points', (t) =>
  check(t, [
    {
      source: 'Microsoft: FindProxyForURLEx is preferred',
      script:
        'function FindProxyForURL() { return "PROXY old:1" } function FindProxyForURLEx() { return "PROXY ex:1" }',
      expect: 'PROXY ex:1',
    },
    {
      source: 'Microsoft: FindProxyForURLEx is preferred, however it was declared',
      script: 'function FindProxyForURL() { return "PROXY old:1" } const FindProxyForURLEx = () => "PROXY ex:1"',
      expect: 'PROXY ex:1',
    },
    {
      source: 'Microsoft: FindProxyForURLEx alone',
      script: 'function FindProxyForURLEx(url, host) { return host }',
      expect: 'www.example.com',
    },
    {
      source: 'Chromium: assigned to a variable',
      script: 'var FindProxyForURL = function (url, host) { return host }',
      expect: 'www.example.com',
    },
    {
      source: 'Chromium: assigned without var',
      script: 'FindProxyForURL = function (url, host) { return host }',
      expect: 'www.example.com',
    },
    {
      source: 'modern syntax: const and an arrow',
      script: 'const FindProxyForURL = (url, host) => host',
      expect: 'www.example.com',
    },
    {
      source: 'Chromium: looked up again each time',
      script: 'function FindProxyForURL() { FindProxyForURL = function () { return "second" }; return "first" }',
      expect: 'first',
    },
    {
      source: 'set on this at the top level',
      script: 'this.FindProxyForURL = function (url, host) { return host }',
      expect: 'www.example.com',
    },
  ]))

test('legacy habits', (t) =>
  check(t, [
    {
      source: 'Chromium bug 40026: helpers in global code',
      script: `var me = myIpAddress(); ${find('return me')}`,
      expect: '192.0.2.1',
    },
    {
      source: 'Chromium: DNS in global code',
      script: `var at = dnsResolve("other.example") + isInNet("www.example.com", "10.0.0.0", "255.0.0.0"); ${find('return at')}`,
      expect: '192.0.2.9true',
    },
    {
      source: 'an alias of a helper',
      script: `var inside = isInNet; ${find('return inside(host, "10.0.0.0", "255.0.0.0") ? "yes" : "no"')}`,
      expect: 'yes',
    },
    {
      source: 'an alias of a helper',
      script: `var inside = isInNet; ${find('return inside(host, "11.0.0.0", "255.0.0.0") ? "yes" : "no"')}`,
      expect: 'no',
    },
    {
      source: 'a named callback',
      script: `var nets = ["11.0.0.0", "12.0.0.0"]; function internal(net) { return isInNet(dnsResolve("www.example.com"), net, "255.0.0.0") } ${find('return nets.some(internal) ? "yes" : "no"')}`,
      expect: 'no',
    },
    {
      source: 'a named callback',
      script: `var nets = ["11.0.0.0", "10.0.0.0"]; function internal(net) { return isInNet(dnsResolve("www.example.com"), net, "255.0.0.0") } ${find('return nets.some(internal) ? "yes" : "no"')}`,
      expect: 'yes',
    },
    {
      source: 'a helper passed on',
      script: find('return ["www.example.com", "nowhere.example"].filter(isResolvable).join()'),
      expect: 'www.example.com',
    },
    {
      source: 'a helper in a table',
      script: `var rules = { plain: isPlainHostName }; ${find('return "" + rules.plain("www") + rules["plain"](host)')}`,
      expect: 'truefalse',
    },
    {
      source: 'a helper through apply',
      script: find('return "" + isInNet.apply(null, [host, "10.0.0.0", "255.0.0.0"])'),
      expect: 'true',
    },
    {
      source: 'a helper through eval',
      script: find('return "" + eval("isInNet(host, \'10.0.0.0\', \'255.0.0.0\')")'),
      expect: 'true',
    },
    {
      source: 'a helper through new Function',
      script: find('return "" + new Function("h", "return dnsResolve(h)")(host)'),
      expect: '10.0.0.1',
    },
    {
      source: 'a helper replaced by the script',
      script: `function isPlainHostName(host) { return "mine" } ${find('return isPlainHostName(host)')}`,
      expect: 'mine',
    },
    {
      source: 'Chromium: isInNet and isResolvable go through a replaced dnsResolve',
      script: `function dnsResolve() { return "172.16.0.1" } ${find('return "" + isInNet("x", "172.16.0.0", "255.240.0.0") + isResolvable("x")')}`,
      expect: 'truetrue',
    },
    {
      source: 'a helper replaced with let',
      script: `let shExpMatch = () => "mine"; ${find('return shExpMatch()')}`,
      expect: 'mine',
    },
    {
      source: 'a lookup in try and catch',
      script: find('try { return dnsResolve(host) } catch (e) { return "caught" }'),
      expect: '10.0.0.1',
    },
    {
      source: 'a lookup in try and finally',
      script: find('var n = 0; try { return dnsResolve(host) } finally { n++ }'),
      expect: '10.0.0.1',
    },
    {
      source: 'lookups that hang on one another',
      script: find('var a = dnsResolve(host); var b = a === "10.0.0.1" ? dnsResolve("other.example") : "no"; return b'),
      expect: '192.0.2.9',
    },
    { source: 'with', script: find('with ({ answer: "DIRECT" }) { return answer }'), expect: 'DIRECT' },
    { source: 'octal and sloppy mode', script: find('undeclared = 010; return "" + undeclared'), expect: '8' },
    {
      source: 'a list of thousands of patterns is not taken apart anew at each question',
      script: `var slice = String.prototype.slice, slices = 0
        function walk() { for (var i = 0; i < 9000; i++) if (shExpMatch("x", "http://host" + i + "*.example.com/*")) return "yes"; return "no" }
        walk(); String.prototype.slice = function (a, b) { slices++; return slice.call(this, a, b) }; ${find('return walk() + slices')}`,
      expect: 'no0',
    },
    {
      source: 'V8: a console that nobody looks at, in global code and in the function; it converts nothing',
      script: `console.log("loaded"); ${find('console.error("%s", host, { toString() { throw 1 } }); console.table([1]); return Object.prototype.toString.call(console) + typeof console.log("x") + Object.keys(console).length')}`,
      expect: '[object console]undefined24',
    },
    {
      source: 'V8: a console that the script puts in its place, or makes sure of',
      script: `if (typeof console === "undefined") var console = { log: 1 }; ${find('const kept = typeof console.log; console = { log() { return "mine" } }; return kept + console.log()')}`,
      expect: 'functionmine',
    },
    {
      source: 'V8: sort with a function that answers no number',
      script: find(
        'const by = (less) => [5, 1, 4, 2].sort(less).join(""); return by((a, b) => a < b) + by((a, b) => b < a) + by((a, b) => a - b)',
      ),
      expect: '514251421245',
    },
    { source: 'escape and unescape', script: find('return unescape(escape("a b"))'), expect: 'a b' },
    {
      source: 'String.prototype.substr, Date.prototype.getYear',
      script: find('return "abcd".substr(1, 2) + new Date(0).getYear()'),
      expect: 'bc70',
    },
    {
      source: 'a polyfill of its own',
      script: `if (!String.prototype.endsWith2) String.prototype.endsWith2 = function (s) { return this.indexOf(s, this.length - s.length) !== -1 }; ${find('return "" + host.endsWith2(".com")')}`,
      expect: 'true',
    },
    {
      source: 'a switch over regular expressions',
      script: find('switch (true) { case /^www\\./.test(host): return "PROXY w:1"; default: return "DIRECT" }'),
      expect: 'PROXY w:1',
    },
  ]))

test('modern syntax', (t) =>
  check(t, [
    {
      source: 'ES2015 to ES2023',
      script:
        'const rules = new Map([["www", "PROXY w:1"]]); function FindProxyForURL(url, host) { const [label] = host.split("."); return rules.get(label) ?? "DIRECT" }',
      expect: 'PROXY w:1',
    },
    {
      source: 'optional chaining, spread, default',
      script:
        'function FindProxyForURL(url, host, { a = "x" } = {}) { const o = { ...{ b: { c: "d" } } }; return `` + o?.b?.c + o.z?.y + a }',
      expect: 'dundefinedx',
    },
    {
      source: 'classes with private fields',
      script:
        'class R { #p = "PROXY p:1"; get p() { return this.#p } } function FindProxyForURL() { return new R().p }',
      expect: 'PROXY p:1',
    },
    {
      source: 'includes, at, named groups, lookbehind',
      script: find('return host.match(/(?<label>[^.]+)(?<=www)/).groups.label + [1, 2].at(-1) + [1].includes(1)'),
      expect: 'www2true',
    },
    {
      source: 'numeric separators, exponent, bigint',
      script: find('return `` + 1_000 ** 2 + 10n ** 20n'),
      expect: '1000000100000000000000000000',
    },
    {
      source: 'generators and labels',
      script: find(
        'outer: for (const a of (function* () { yield 1; yield 2 })()) for (;;) { if (a === 2) break outer; continue outer } return "DIRECT"',
      ),
      expect: 'DIRECT',
    },
  ]))

test('what the script sees of the URL is what it is given', (t) =>
  check(t, [
    {
      source: 'containers: port always there',
      url: 'https://www.example.com:443',
      script: find('return url'),
      expect: 'https://www.example.com:443',
    },
    {
      source: 'Chromium: IPv6 host without brackets',
      url: 'http://[2001:db8::1]/',
      host: '2001:db8::1',
      script: find('return host'),
      expect: '2001:db8::1',
    },
    {
      source: 'no normalisation on the way',
      url: 'http://H.example:80/a%2fb/../c',
      script: find('return url'),
      expect: 'http://H.example:80/a%2fb/../c',
    },
    { source: 'an empty host', url: 'http://x/', host: '', script: find('return "[" + host + "]"'), expect: '[]' },
  ]))
