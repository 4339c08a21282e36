import { test } from 'tap'
import { type Evaluation, PacEvaluator } from '../../../src/pac-engine/pac-evaluator.ts'
import { ask, engineFor, tableResolver } from './engine-under-test.ts'

/** Each answers `"safe"` where the way out is shut. */
const ATTEMPTS: [what: string, body: string][] = [
  [
    'no process',
    'return typeof process === "undefined" && typeof globalThis.process === "undefined" ? "safe" : "open"',
  ],
  [
    'no require, module or import.meta',
    'return typeof require + typeof module + typeof exports === "undefinedundefinedundefined" ? "safe" : "open"',
  ],
  [
    'no timers, no fetch',
    'return [typeof setTimeout, typeof fetch, typeof XMLHttpRequest, typeof WebAssembly].every((x) => x === "undefined") ? "safe" : "open"',
  ],
  [
    'a console that says nothing and leads nowhere',
    'return Object.values(console).concat(Object.values(console.context("x"))).every((f) => typeof f === "function" && f("http://any/") !== 1 && !/native code/.test(f.toString()) && f.constructor("return typeof process + typeof require")() === "undefinedundefined") && console.constructor === Object ? "safe" : "open"',
  ],
  [
    'no std, os or scriptArgs',
    'return [typeof std, typeof os, typeof scriptArgs, typeof bjson, typeof print].every((x) => x === "undefined") ? "safe" : "open"',
  ],
  [
    'the global object leads nowhere',
    'return this.constructor.constructor("return typeof process")() === "undefined" ? "safe" : "open"',
  ],
  [
    'a helper\u2019s constructor leads nowhere',
    'return isInNet.constructor("return typeof process + typeof require")() === "undefinedundefined" ? "safe" : "open"',
  ],
  [
    'an error\u2019s constructor leads nowhere',
    'try { null.x } catch (e) { return e.constructor.constructor("return typeof process")() === "undefined" ? "safe" : "open" }',
  ],
  [
    'the bridge is gone',
    'return Object.getOwnPropertyNames(globalThis).filter((n) => n.startsWith("__")).length === 0 ? "safe" : Object.getOwnPropertyNames(globalThis).join()',
  ],
  [
    'the helpers are QuickJS functions without host code',
    'return [isInNet, dnsResolve, myIpAddress, alert, shExpMatch].every((f) => f.toString().startsWith("function " + f.name) && !/native code/.test(f.toString())) ? "safe" : "open"',
  ],
  [
    'strict helpers show no caller',
    'try { return dnsResolve.caller === null || dnsResolve.caller === undefined ? "safe" : "open" } catch (e) { return "safe" }',
  ],
  [
    'call sites hold no host function',
    'Error.prepareStackTrace = (e, sites) => sites.map((s) => s.getFunction && s.getFunction()); const found = new Error("x").stack; Error.prepareStackTrace = undefined; return (Array.isArray(found) ? found : []).every((f) => typeof f !== "function" || !/native code/.test(Function.prototype.toString.call(f))) ? "safe" : "open"',
  ],
  [
    'dynamic import finds no module',
    'try { import("node:fs").then(() => { globalThis.leak = 1 }, () => {}) } catch (e) {} return globalThis.leak === undefined ? "safe" : "open"',
  ],
  [
    'a polluted Object.prototype stays here',
    'Object.prototype.polluted = 1; Array.prototype.push = () => { throw 1 }; return "safe"',
  ],
  [
    'a polluted toJSON does not forge the report',
    'Object.prototype.toJSON = () => "forged"; String.prototype.toJSON = () => "forged"; alert("x"); return "safe"',
  ],
  [
    'setters on Array.prototype see no secrets',
    'for (const i of [0, 1, 2]) Object.defineProperty(Array.prototype, i, { set() { throw new Error("trapped") }, configurable: true }); return "safe"',
  ],
  [
    'a replaced JSON changes nothing',
    'JSON.stringify = () => "r[]"; JSON.parse = () => { throw 1 }; alert("x"); return "safe"',
  ],
  ['a replaced String.prototype.slice fools only itself', 'String.prototype.slice = () => { throw 1 }; return "safe"'],
  [
    '__proto__ as a name is a name',
    'return dnsResolve("__proto__") === null && dnsResolve("constructor") === null ? "safe" : "open"',
  ],
  ['shared memory is its own', 'const s = new SharedArrayBuffer(8); new Uint8Array(s)[0] = 1; return "safe"'],
  [
    'no performance, no queueMicrotask',
    'return typeof performance + typeof queueMicrotask === "undefinedundefined" ? "safe" : "open"',
  ],
]

test('no object of the host can be reached', async (t) => {
  const evaluator = new PacEvaluator({ resolver: tableResolver({}) })
  t.teardown(() => evaluator.close())
  for (const [what, body] of ATTEMPTS) {
    const script = `function FindProxyForURL(url, host) { ${body} }`
    const request = { script, origin: 'attempt', url: 'http://any/', host: 'any', trace: true }
    const outcome = await evaluator.evaluate(request).catch((error: unknown) => error)
    t.equal(outcome instanceof Error ? outcome.message : (outcome as Evaluation).result, 'safe', what)
  }
  t.equal(({} as Record<string, unknown>)['polluted'], undefined, 'nothing arrived out here')
})

test('what one script does to its globals does not reach another engine', async (t) => {
  const bad = engineFor(
    t,
    'Object.prototype.x = 1; String.prototype.endsWith = () => true; function FindProxyForURL() { return "bad" }',
  )
  const good = engineFor(
    t,
    'function FindProxyForURL(url, host) { return dnsDomainIs(host, ".example") + "" + ({}).x }',
  )
  t.equal(await ask(bad, 'any'), 'bad')
  t.equal(await ask(good, 'any'), 'falseundefined')
})
