import t from 'tap'
import { ask, engineFor } from './engine-under-test.ts'

t.test('a script that cannot be parsed: the line, and no column, which QuickJS does not know', async (t) => {
  for (const [script, said] of [
    [
      'var a = 1\n  if (f(a, "*.x") { a = 2 }\n',
      /\(SyntaxError: Unexpected token '\{'\) at line 2: if \(f\(a, "\*\.x"\) \{ a = 2 \}$/,
    ],
    ['var a; var b; var c; retrun a', /\(SyntaxError: expecting ';'\) at line 1: var a/],
    ['function f() {\n  return [\n', /\(SyntaxError: .*: the end of the script\) at line 3$/],
  ] as const) {
    t.match(await ask(engineFor(t, script), 'a.test'), { message: said }, script)
  }
})

t.test('a syntax error that the script meets as it runs has its place', async (t) => {
  for (const [script, place] of [
    ['var a = 1; JSON.parse("{")', /SyntaxError.* at line 1, column 16:/],
    ['var a = 1; throw new SyntaxError("own")', /SyntaxError.* at line 1, column 21:/],
    ['function FindProxyForURL() {\n  var a; eval("a b")\n}', /SyntaxError.* at line 2, column 10:/],
  ] as const) {
    t.match(await ask(engineFor(t, script), 'a.test'), { message: place }, script)
  }
})

t.test('what global code throws is told as it is, nothing too', async (t) => {
  for (const [script, said] of [
    ['throw null', /\(null\) at line 1, column 1: throw null$/],
    ['throw undefined', /\(undefined\) at line 1/],
    ['throw 3', /\(3\) at line 1/],
    ['throw "x"', /\(x\) at line 1/],
  ] as const) {
    t.match(await ask(engineFor(t, script), 'a.test'), { message: said }, script)
  }
})
