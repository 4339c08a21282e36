import { test } from 'tap'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { asBrowserSees } from '../../../src/pac-engine/browser-url.ts'
import { type Decision, DecisionCache } from '../../../src/pac-engine/decision-cache.ts'
import { decodeScript, withoutNulAtEnd } from '../../../src/pac-engine/decode-script.ts'
import { DEFAULT_LIMITS } from '../../../src/pac-engine/limits.ts'
import { myAddresses } from '../../../src/pac-engine/my-addresses.ts'
import { limitMemory, quickjsModule } from '../../../src/pac-engine/quickjs-module.ts'
import { scriptFailure } from '../../../src/pac-engine/script-failure.ts'
import { originOf } from '../../../src/pac-engine/script-source.ts'
import { readAnswer } from '../../../src/pac-engine/vm-answer.ts'

test('asBrowserSees: what a browser passes for a URL', async (t) => {
  const rows: [url: string, seen: string | undefined, host?: string][] = [
    ['http://example.com/a?b#c', 'http://example.com/a?b', 'example.com'],
    ['https://example.com/a?b#c', 'https://example.com/', 'example.com'],
    ['https://user:secret@Example.COM:8443/a', 'https://example.com:8443/', 'example.com'],
    ['http://user:secret@example.com/a', 'http://example.com/a', 'example.com'],
    ['http://example.com', 'http://example.com/', 'example.com'],
    ['wss://example.com/chat?token=1', 'wss://example.com/', 'example.com'],
    ['ws://example.com/chat', 'ws://example.com/chat', 'example.com'],
    ['http://[2001:DB8::1]/', 'http://[2001:db8::1]/', '2001:db8::1'],
    ['https://example.com:443', 'https://example.com:443', 'example.com'],
    ['http://10.0.0.1:80', 'http://10.0.0.1:80', '10.0.0.1'],
    ['https://[::1]:443', 'https://[::1]:443', '::1'],
    ['not a url', undefined],
    ['mailto:x@example.com', undefined],
  ]
  for (const [url, seen, host] of rows) {
    t.strictSame(asBrowserSees(url), seen === undefined ? undefined : { url: seen, host }, url)
  }
  t.equal(asBrowserSees('http://a/', 'b')?.host, 'b', 'a host said beside it stands')
})

test('decodeScript: mark, charset of the response, UTF-8, windows-1252', async (t) => {
  const euro = '// \u20ac \xfc'
  t.equal(decodeScript(Buffer.from(euro)), euro)
  t.equal(decodeScript(Buffer.from(`\ufeff${euro}`)), euro)
  t.equal(decodeScript(Buffer.from(`\ufeff${euro}`, 'utf16le')), euro)
  t.equal(decodeScript(Buffer.from(`\ufeff${euro}`, 'utf16le').swap16()), euro)
  t.equal(decodeScript(Buffer.from([0x2f, 0x2f, 0x20, 0x80, 0x20, 0xfc])), euro, 'no UTF-8: windows-1252')
  t.equal(decodeScript(Buffer.from([0xc4]), 'koi8-r'), '\u0434')
  t.equal(decodeScript(Buffer.from(euro), 'no-such-charset'), euro)
})

test('withoutNulAtEnd: a C string sent with its end', async (t) => {
  t.equal(withoutNulAtEnd('a\0\0'), 'a')
  t.equal(withoutNulAtEnd('a\0\r\n\0\n'), 'a')
  t.equal(withoutNulAtEnd('a\0b\n'), 'a\0b\n', 'not in the middle')
})

test('limitMemory: the module cannot grow beyond it', async (t) => {
  const module = await quickjsModule(32)
  t.ok(module)
  // Header, then a memory section of one memory with a minimum of 1 page and no maximum.
  const small = Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 5, 3, 1, 0, 1])
  t.strictSame([...limitMemory(small, 300)], [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 5, 5, 1, 1, 1, 0xac, 2])
  t.throws(() => limitMemory(small.slice(0, 8), 300), /no memory section/)
})

test('DecisionCache: bounded, and what is asked for stays', async (t) => {
  const cache = new DecisionCache(100, 1_000_000)
  const decision = (host: string) => ({ outcome: { result: host }, host, decided: 0, second: undefined, expires: 10 })
  cache.set('kept', decision('h'))
  for (let i = 0; i < 1000; i++) {
    cache.set(`url${i}`, decision('h'))
    t.ok(
      cache.get('kept', 'h', 0, () => 0),
      `still there after ${i}`,
    )
    t.ok(cache.size <= 101)
  }
  t.equal(
    cache.get('url0', 'h', 0, () => 0),
    undefined,
  )
  t.equal(
    cache.get('kept', 'other host', 0, () => 0),
    undefined,
  )
  t.equal(
    cache.get('kept', 'h', 10, () => 0),
    undefined,
    'too old',
  )
  cache.set('kept', { ...decision('h'), second: 7 })
  t.ok(cache.get('kept', 'h', 0, () => 7))
  t.equal(
    cache.get('kept', 'h', 0, () => 8),
    undefined,
    'another second',
  )
})

test('DecisionCache: bounded by what its decisions hold, too', async (t) => {
  const calls0 = { name: 'shExpMatch', args: [''], answer: '' }
  const calls = [{ name: 'shExpMatch', args: ['x'.repeat(900)], answer: 'true' }]
  const trace = { source: 's', sha256: '', cached: false, milliseconds: 0, calls }
  const decision = { outcome: { result: 'DIRECT', trace }, host: 'h', decided: 0, second: undefined, expires: 10 }
  const kinds: [what: string, decision: Decision][] = [
    ['calls', decision],
    ['many small calls', { ...decision, outcome: { result: '', trace: { ...trace, calls: Array(9).fill(calls0) } } }],
    ['answer', { ...decision, outcome: { result: 'x'.repeat(900) } }],
    ['alerts', { ...decision, outcome: { result: '', trace: { ...trace, calls: [], alerts: ['x'.repeat(900)] } } }],
    ['error', { ...decision, outcome: new GatewayError('PAC_FAILED', 'no') }],
    ['alerts of an error', { ...decision, outcome: new GatewayError('PAC_FAILED', 'x'.repeat(500)) }],
  ]
  for (const [what, decision] of kinds) {
    const cache = new DecisionCache(1_000, 10_000)
    for (let i = 0; i < 100; i++) {
      cache.set(`url${i}`, decision)
      t.ok(cache.size <= 12, `${what}: ${cache.size} of 900 characters each`)
    }
  }
})

test('scriptFailure: the place of a name that is not defined is its first mention from there on', async (t) => {
  const script = '// x\nvar a\nfunction f() {\n  return b.x + x\n}'
  const failure = { kind: 'threw', message: 'ReferenceError: x is not defined', line: 3, column: 1 } as const
  const { message, hint } = scriptFailure(failure, 'test', script)
  t.match(message, 'at line 4, column 16: return b.x + x')
  t.type(hint, 'string')
  for (const [source, place] of [
    ['var a\n// it reads a.k here\n/* k: a.k\n a["k"] */ var s = "// a.b"; s = a.k', 'line 4, column 36'],
    ['var k = 1\nk = 2; var u = "http://k"\nvar { k } = a', 'line 3, column 7'],
    ['// "\nvar k = a.k', 'line 2, column 11'],
    ['var s = "a.k"; a.k', 'line 1, column 18'],
    ["var s = 'it''s a.k'; a['k']", 'line 1, column 25'],
    ['x.replace(/"/g, ""); y = "a.k" + a.k', 'line 1, column 36'],
    ['return /[/"]a.k/.test(a.k)', 'line 1, column 25'],
    ['b = c / 2; s = "a.k"; d = a.k / 3', 'line 1, column 29'],
    ['b = (c) / 2; s = "/"; d = a.k / 3', 'line 1, column 29'],
    ['b = c++ / 2 + "/ a.k"; a.k', 'line 1, column 26'],
    ['b = /* a */ /a.k/ ; a.k', 'line 1, column 23'],
    ['b = `$' + '{a.k}`', 'line 1, column 10'],
    ['b = /a.k\na.k', 'line 2, column 3'],
  ] as const) {
    const property = "TypeError: cannot read property 'k' of undefined"
    t.match(scriptFailure({ kind: 'threw', message: property, line: 1, column: 1 }, 'test', source).message, place)
  }
  const missing = { kind: 'threw', message: 'ReferenceError: x is not defined', line: 1, column: 1 } as const
  for (const [source, place] of [
    ['var s = "x y", t = \'x\', r = /x/; return x', 'line 1, column 41'],
    ['alert("is x there?")\nalert(x)', 'line 2, column 7'],
  ] as const) {
    t.match(scriptFailure(missing, 'test', source).message, place)
  }
  const odd = scriptFailure({ kind: 'threw', message: '\x1b[2J', line: 99, column: 1 }, 'test', script)
  t.notMatch(odd.message, /\x1b/)
})

test('scriptFailure: the place of a thrown text or object is that of the one throw that can be meant', async (t) => {
  for (const [script, message, place] of [
    ['f()\n  throw "no way to " + host', 'no way to a.example', 'line 2, column 3: throw "no way'],
    ['throw "one"\nthrow "two"', 'two', 'line 2, column 1'],
    ['// throw it\n/* throw */ var s = "throw"; throw { why: 1 }', 'undefined', 'line 2, column 30'],
    ['try { f() } catch (e) { throw e }', 'anything', 'line 1, column 25'],
    ['throw e\nthrow f', 'anything', undefined],
    ['throw "one"', 'two', undefined],
    ['throw "no"\nfunction f() {\n var m = "nothing found"; throw m }', 'nothing found', 'line 3, column 27'],
    ['throw "no way to " + h\nvar m = "no way to go"; throw m', 'no way to go', undefined],
    ['throw "no" + h\nthrow "nothing"', 'nothing', 'line 2, column 1'],
    ['throw "no" + h; throw "two"', 'nothing', 'line 1, column 1'],
    ['throw "a"\n  + h; throw h', 'ab', undefined],
    ['throw "no"; throw m', 'no', 'line 1, column 1'],
    [`throw "${'x'.repeat(250)}"; throw m`, `${'x'.repeat(200)}…`, 'line 1, column 1'],
    ['throw "a".concat(b); throw "c"', 'ab', 'line 1, column 1'],
    ['function Oops(m) {}\nthrow new Oops("bad")\nthrow x', 'undefined', undefined],
    ['throw new TypeError("bad")\nthrow x', 'bad', 'line 2, column 1'],
    ['/* a\n throw "x"\n*/\n throw "x"\n/* throw "x"', 'x', 'line 4, column 2'],
    ['if (shExpMatch(url, "http://*")) return "DIRECT"\nthrow "no rule for " + h', 'no rule for a', 'line 2, column 1'],
    ['f(e)\nthrow e\nshExpMatch(url, "http://intranet/*")\nthrow "no rule"', 'no rule', 'line 4, column 1'],
    ['a = "*/*" /* b\n throw "x"\n*/\nthrow "x"', 'x', 'line 4, column 1'],
    ['throw "x"', 'timeRange: bad number of arguments', undefined],
    ['throw e', 'SyntaxError: invalid regular expression', undefined],
    ['overthrow e; a.throw\nthrow new E("x")', 'anything', undefined],
    [`throw e;${'throw e;'.repeat(100)}`, 'anything', undefined],
  ] as const) {
    const failure = scriptFailure({ kind: 'threw', message }, 'test', script).message
    if (place) t.match(failure, place, script)
    else t.notMatch(failure, /at line/, script)
  }
})

test('scriptFailure: the place is found or given up in no time, whatever the script consists of', async (t) => {
  const took = (script: string, name: string, line: number) => {
    const message = `TypeError: cannot read property '${name}' of null`
    const cpu = process.cpuUsage()
    scriptFailure({ kind: 'threw', message, line }, 'test', script)
    const { user, system } = process.cpuUsage(cpu)
    return (user + system) / 1000
  }
  const names = [' ', '. ', 'x', 'Symbol.iterator', 'y'.repeat(100)]
  for (const name of names) took('var a = null; return a.x // a.x', name, 1)
  for (const run of [' ', '. ', '[ ', '["', 'of ', 'a[', '\n', 'x', '/*', '`\\', '"\\', '*/"', 'x/ ', '\r\n']) {
    const script = `function FindProxyForURL() {}//${run.repeat(1_000_000 / run.length)}y`
    for (const name of names) {
      // The collector's threads count too.
      const ms = Math.min(...Array.from({ length: 3 }, () => took(script, name, 1)))
      t.ok(ms < 50, `${JSON.stringify(name)} in ${JSON.stringify(run)}: ${ms} ms`)
    }
  }
  const rules = Array.from(
    { length: 15_000 },
    (_, i) => `if (host == "h${i}") return "PROXY p${i}.example:3128" // h${i}`,
  )
  const script = `function FindProxyForURL(url, host) {\r\n${rules.join('\r\n')}\r\nreturn x }`
  const last = { kind: 'threw', message: 'ReferenceError: x is not defined', line: 15_001, column: 1 } as const
  t.match(scriptFailure(last, 'test', script).message, 'line 15002, column 8: return x }')
  const repeated = Array.from({ length: 5 }, () => took(script, 'x', 15_001))
  t.ok(Math.min(...repeated) < 2, `${repeated} ms`)
  const thrown = [' ', '*/', '/*', '"', '\n', '\r\n', 'x = 1;\n'].map((run) => {
    const end = Array.from({ length: 20 }, (_, i) => `throw "t${i}"`).join('\n')
    const ms = Array.from({ length: 4 }, (_, i) => {
      const cpu = process.cpuUsage()
      scriptFailure({ kind: 'threw', message: 't19' }, 'test', `${run.repeat(1_000_000 / run.length)}*/${i}\n${end}`)
      const { user, system } = process.cpuUsage(cpu)
      return (user + system) / 1000
    })
    return Math.min(...ms)
  })
  t.ok(Math.max(...thrown) < 60, `the place of what was thrown: ${thrown} ms`)
  t.comment(`${thrown} ms`)
})

test('originOf: no credentials, no query', async (t) => {
  const url = 'https://user:secret@wpad.example/proxy.pac?token=secret'
  t.equal(originOf({ kind: 'url', url }), 'https://wpad.example/proxy.pac')
  t.equal(originOf({ kind: 'url', url: 'file:///etc/proxy.pac' }), '/etc/proxy.pac')
  t.equal(originOf({ kind: 'url', url: 'secret' }), 'unusable URL')
})

test('myAddresses: no loopback, no link-local', async (t) => {
  for (const address of await myAddresses()) t.notMatch(address, /^(127\.|::1$|fe80|169\.254)/)
})

test('readAnswer: nothing is longer than it may be, whatever the script has done to the VM', async (t) => {
  const long = 'c'.repeat(5_000_000)
  const notes = { used: [long], calls: [[long, [long], long]], alerts: [long], dropped: 0, random: false }
  const read = (packed: string) => JSON.stringify(readAnswer(packed, undefined, DEFAULT_LIMITS, 1))
  for (const packed of [
    `=${long}`,
    `m${JSON.stringify([long])}`,
    `r${JSON.stringify([long, notes])}`,
    `r${JSON.stringify(['DIRECT', notes])}`,
    `x${JSON.stringify([['threw', long, long], notes])}`,
    `x${JSON.stringify([[long, long, long], notes])}`,
  ]) {
    t.ok(read(packed).length < 10_000, `${packed.slice(0, 20)}…: ${read(packed).length} characters`)
  }
})
