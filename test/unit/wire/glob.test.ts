import { test } from 'tap'
import { compileGlob } from '../../../src/wire/glob.ts'

test('globs', async (t) => {
  const rows: [pattern: string, text: string, matches: boolean][] = [
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['*', 'a.b', true],
    ['a*', 'a', true],
    ['a*', 'ba', false],
    ['*a', 'a', true],
    ['*a', 'ab', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['a**b', 'ab', true],
    ['a*b*c', 'abc', true],
    ['a*b*c', 'axbxc', true],
    ['a*b*c', 'acb', false],
    ['a*bc*c', 'abc', false],
    ['a*bc*c', 'abcc', true],
    ['*ab*ab*', 'ab', false],
    ['*ab*ab*', 'abab', true],
    ['a.b*', 'axb', false],
    ['a$*', 'a$b', true],
  ]
  for (const [pattern, text, matches] of rows) t.equal(compileGlob(pattern)(text), matches, `${pattern} on ${text}`)
})

test('a hostile pattern is not slow', async (t) => {
  const matches = compileGlob(`${'a*'.repeat(500)}b`)
  const started = performance.now()
  for (let round = 0; round < 100; round++) t.notOk(matches('a'.repeat(1000)))
  t.ok(performance.now() - started < 1000, 'linear in the length of the text')
})
