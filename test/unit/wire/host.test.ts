import { test } from 'tap'
import { endsInNumber, labelToAscii, parseHost } from '../../../src/wire/host.ts'

test('a name ends in a number', async (t) => {
  for (const name of ['1', 'a.1', 'a.0x', 'a.0XfF', 'a.09', '1.2.3.4.', '0x']) t.ok(endsInNumber(name), name)
  for (const name of ['a', '1a', 'a.1a', 'a.0xg', '1.a', 'a1', 'a-1', '1e3', 'x0x1']) t.notOk(endsInNumber(name), name)
})

test('no accepted name looks like an address, and none changes when read again', async (t) => {
  for (const text of [
    'a.example',
    'A.EXAMPLE.',
    'bücher.de',
    '１２７．１',
    'x_y',
    '0x7f.1',
    '[::1]',
    '::ffff:1.2.3.4',
  ]) {
    const once = parseHost(text)
    t.same(parseHost(once.host), once, text)
    t.equal(once.family === 0, !/^[0-9.]+$|:/.test(once.host), text)
  }
})

test('labels of a pattern', async (t) => {
  t.equal(labelToAscii('BÜCHER'), 'xn--bcher-kva')
  t.equal(labelToAscii('10'), '10')
  t.throws(() => labelToAscii('a b'), /white space/)
  t.throws(() => labelToAscii('１０'), /not one label/)
  t.throws(() => labelToAscii('x'.repeat(64)), /too long/)
})
