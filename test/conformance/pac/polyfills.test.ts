import { type Test, test } from 'tap'
import { PacEvaluator } from '../../../src/pac-engine/pac-evaluator.ts'

// What scripts put in the place of the language's own functions, and what the helpers make of it: each answer was seen in Chromium 156.

const evaluator = new PacEvaluator({
  resolver: { resolve: () => Promise.reject(new Error('the table is all there is')) },
})

const CALLS = `
  dnsDomainIs('bank.corp', '.bank.corp') dnsDomainIs('heise.de', 'bank.corp') dnsDomainIs('www.bank.corp', '.bank.corp')
  shExpMatch('www.a.test', '*.test') shExpMatch('www.a.test', 'www.*') shExpMatch('www.a.test', '*a*') shExpMatch('www.a.test', 'www.?.test')
  shExpMatch('www.a.test', 'b') shExpMatch('www.a.test', '*b*c')
  isPlainHostName('www') isPlainHostName('www.a') isPlainHostName('::1')
  dnsDomainLevels('a.b.c') localHostOrDomainIs('www', 'www.a.test') localHostOrDomainIs('x', 'www.a.test')
  isInNet('10.1.2.3', '10.0.0.0', '255.0.0.0') isInNet('11.1.2.3', '10.0.0.0', '255.0.0.0')
  isValidIpAddress('1.2.3.4') isValidIpAddress('1.2.3.444') convert_addr('1.2.3.4')
  dnsResolve('10.1.2.3') isResolvable('10.1.2.3') dnsResolveEx('10.1.2.3') isResolvableEx('10.1.2.3') dnsResolve('two.example') myIpAddress() myIpAddressEx()
  isInNetEx('10.1.2.3', '10.0.0.0/8') isInNetEx('2001:db8::1', '2001:db8::/32') isInNetEx('11.1.2.3', '10.0.0.0/8')
  sortIpAddressList('10.2.3.9;2001:db8::1;10.2.3.1')
  weekdayRange('SUN','SAT') weekdayRange('XXX') timeRange(0,23) dateRange('JAN','DEC')
`
  .trim()
  .split(/\)\s+/)
  .map((call) => (call.endsWith(')') ? call : `${call})`))

const NONE = `
  false false true true true true true false false true false false 2 true false true false true false 16909060
  10.1.2.3 true 10.1.2.3 true 192.0.2.9 192.0.2.1 192.0.2.1;2001:db8::7 true true false 2001:db8::1;10.2.3.1;10.2.3.9 true false true true
`
  .trim()
  .split(/\s+/)

/** Where the polyfill stands: before the function, or in it, where it happens in the midst of an evaluation. */
const PLACES: readonly ((polyfill: string, body: string) => string)[] = [
  (polyfill, body) => `${polyfill}\nfunction FindProxyForURL(url, host) { ${body} }`,
  (polyfill, body) => `function FindProxyForURL(url, host) { ${polyfill}\n${body} }`,
]

/** Which calls answer otherwise than without it. */
async function changedBy(t: Test, polyfill: string): Promise<string[]> {
  const body = `var all = ''; ${CALLS.map((call) => `all += ${call} + ' ';`).join('\n')} return all`
  const dns = new Map([['two.example', ['2001:db8::9', '192.0.2.9']]])
  const circumstances = { dns, myIp: ['192.0.2.1', '2001:db8::7'], now: Date.UTC(2026, 0, 5, 12) }
  const seen: string[][] = []
  for (const place of PLACES) {
    const request = { script: place(polyfill, body), origin: 'row', url: 'http://a.test/', host: 'a.test' }
    const { result } = await evaluator.evaluate({ ...request, ...circumstances })
    const answers = result.trim().split(' ')
    seen.push(CALLS.flatMap((call, i) => (answers[i] === NONE[i] ? [] : [`${call} ${answers[i]}`])))
  }
  t.same(seen[1], seen[0], `${polyfill}: the same in the midst of an evaluation`)
  return seen[0] ?? []
}

test('a polyfill changes no helper that does not call it in a browser', async (t) => {
  for (const polyfill of [
    '',
    'String.prototype.endsWith = function (s) { return this.lastIndexOf(s) == this.length - s.length }',
    'String.prototype.startsWith = function (p) { "use strict"; return shExpMatch(String(this), p + "*") }',
    'String.prototype.includes = function (s) { return this.search(s) != -1 }',
    'String.prototype.includes = function (s) { return this.indexOf(s) }',
    'String.prototype.indexOf = function (s) { return this.lastIndexOf(s) }',
    'String.prototype.slice = function () { return "x" }',
    'String.prototype.charCodeAt = function () { return 7 }',
    'String["proto\\x74ype"].endsWith = function () { return true }',
    'eval("\'\'.__pro" + "to__.endsWith = function () { return true }")',
    'Array.prototype.push = Array.prototype.join = Array.prototype.indexOf = function () { return "arr" }',
    'Object.defineProperty(Array.prototype, "0", { set: function () {}, get: function () { return "zero" }, configurable: true })',
    'Object.prototype.head = "h"; Object.prototype.any = true; Object.prototype.tail = "t"; Object.prototype.GMT = 1',
    'Math.floor = Math.max = function () { return 3 }; Number.prototype.toString = function () { return "8" }',
    'Function.prototype.call = Function.prototype.apply = Function.prototype.bind = function () { return "called" }',
    'String = Array = Number = Math = JSON = Reflect = undefined; Object.prototype.toString = function () { return "obj" }',
  ])
    t.same(await changedBy(t, polyfill), [], polyfill)
})

test('nor does one in global code whose words are put together as it runs', async (t) => {
  const strings = 'var S = ""["con" + "structor"]["proto" + "type"];'
  const body = `return [dnsDomainIs('x.test', '.bank.corp'), shExpMatch('x.test', '*.corp'), shExpMatch('x.test', 'y*'), shExpMatch('x.test', '*zz*')].join()`
  for (const polyfill of [
    'S.endsWith = function () { return true }',
    'S.startsWith = function () { return true }',
    'S.indexOf = function () { return 0 }',
    'Object.defineProperty(S, "endsWith", { get: function () { return function () { return true } } })',
    'Object.defineProperty(S, "startsWith", { get: function () { throw 1 } })',
    'delete S.indexOf',
  ]) {
    const script = `${strings}\n${polyfill}\nfunction FindProxyForURL(url, host) { ${body} }`
    const { result } = await evaluator.evaluate({ script, origin: 'row', url: 'http://a.test/', host: 'a.test' })
    t.equal(result, 'false,false,false,false', polyfill)
  }
})

test('what browsers’ helpers call by its name, a script may replace', async (t) => {
  const rows: [polyfill: string, changed: string[]][] = [
    ['String.prototype.substring = function () { return "sub" }', ["dnsDomainIs('www.bank.corp', '.bank.corp') false"]],
    ['String.prototype.lastIndexOf = function () { return 0 }', ["localHostOrDomainIs('x', 'www.a.test') true"]],
    [
      'String.prototype.split = function () { return ["9"] }',
      ["dnsDomainLevels('a.b.c') 0", "convert_addr('1.2.3.4') 150994944"], // and isInNet, there
    ],
    ['wdays = { XXX: 1 }', ["weekdayRange('SUN','SAT') false", "weekdayRange('XXX') true"]],
  ]
  for (const [polyfill, changed] of rows) t.same(await changedBy(t, polyfill), changed, polyfill)
})

test('nor may it change what Fairlead itself looks at', async (t) => {
  for (const polyfill of [
    'String.prototype.includes = function () { return -1 }',
    'Object.defineProperty(Array.prototype, "0", { set: function () {}, configurable: true })',
    'String.prototype.slice = String.prototype.indexOf = null',
  ]) {
    const script = `${polyfill}\nfunction FindProxyForURL(url, host) { alert("said"); return dnsResolve("two.example") + "\\n" }`
    const request = {
      script,
      origin: 'row',
      url: 'http://a.test/',
      host: 'a.test',
      dns: new Map([['two.example', ['192.0.2.9']]]),
    }
    const { result, notes } = await evaluator.evaluate({ ...request, trace: true })
    t.equal(result, '192.0.2.9\n', polyfill)
    t.same(notes.alerts, ['said'], polyfill)
    t.match(notes.calls, [['dnsResolve', ['two.example'], '192.0.2.9']], polyfill)
  }
})
