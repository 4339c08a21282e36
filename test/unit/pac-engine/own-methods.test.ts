import t from 'tap'
import { mayReplaceMethods } from '../../../src/pac-engine/own-methods.ts'

t.test('what can replace a method of the language', async (t) => {
  const scripts = [
    'String.prototype.endsWith = f',
    'if (!String.prototype["includes"]) String.prototype.includes = f',
    'Object.defineProperty("".__proto__, "endsWith", {})',
    'Object.getPrototypeOf("").endsWith = f',
    '"".constructor[a][b] = f',
    'eval(packed)',
    'new Function(packed)()',
    'String["proto\\x74ype"].endsWith = f',
    'String.pr\\u006ftotype.endsWith = f',
  ]
  t.same(
    scripts.filter((script) => !mayReplaceMethods(script)),
    [],
  )
})

t.test('rules can not', async (t) => {
  const scripts = [
    'function FindProxyForURL(url, host) { if (shExpMatch(host, "*.example.com")) return "DIRECT"; return "PROXY p:1" }',
    'var evaluated = host.endsWith(".a") && /^[0-9.]+$/.test(host) // functions',
  ]
  t.same(scripts.filter(mayReplaceMethods), [])
})
