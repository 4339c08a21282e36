import vm from 'node:vm'
import t from 'tap'
import { ask, engineFor } from './engine-under-test.ts'

/** What V8 says of the same code is what is right. */
const CASES = [
  '/(b)(x)?/.test("abc"); r = [RegExp.$1, RegExp.$2, RegExp.$3, RegExp.lastMatch, RegExp.lastParen, RegExp.leftContext, RegExp.rightContext, RegExp.input]',
  '"10.1.2.3".match(/^(\\d+)\\.(\\d+)/); /nothing/.test("else"); r = [RegExp.$1, RegExp.$2]',
  '"a-b".replace(/(\\w)-(\\w)/, "$2-$1"); r = [RegExp.$1, RegExp["$2"], RegExp["$&"], RegExp["$_"]]',
  'var all = "a1b2".match(/[a-z](\\d)/g); r = [all.join(), RegExp.$1]',
  '"x,y".split(/(,)/); r = [RegExp.$1]',
  '"abc".search(/(c)/); r = [RegExp.$1, RegExp["$`"], RegExp["$\'"]]',
  'var p = /(a)/g, n = 0; while (p.exec("aaa")) n++; r = [n, RegExp.$1, p.lastIndex]',
  'r = [RegExp.$1, RegExp.lastMatch]',
  'RegExp.$1 = "mine"; /(z)/.test("z"); r = [RegExp.$1, Object.keys(RegExp).length]',
]

t.test('RegExp.$1 and its kin are what V8 says', async (t) => {
  for (const code of CASES) {
    const body = `var r; ${code}; return r.join("~")`
    const expected = vm.runInNewContext(`(function () { ${body} })()`) as string
    const engine = engineFor(t, `function FindProxyForURL(url, host) { ${body} }`)
    t.equal(await ask(engine, 'a.test'), expected, code)
  }
})
