import { test } from 'tap'
import { readOptions } from '../../../bench/options.ts'

const KNOWN = { peers: ['direct', 'fairlead, HTTP', 'squid'], measurements: ['down-1', 'pac'] }

test('what is not chosen is everything, three times for a second', async (t) => {
  t.match(readOptions([], KNOWN), { peers: undefined, only: undefined, runs: 3, seconds: 1, out: 'bench/out' })
})

test('a choice, by the beginnings of the names', async (t) => {
  const chosen = ['--peers', 'fairlead,squid', '--only=down-1', '--runs', '2', '--seconds', '0.3']
  t.match(readOptions(chosen, KNOWN), { peers: ['fairlead', 'squid'], only: ['down-1'], runs: 2, seconds: 0.3 })
})

test('what nobody is called and what is no number is told, and not left out', async (t) => {
  for (const [wrong, told] of [
    [['--peers', 'fairlead,squdi'], 'no peer’s name begins with squdi'],
    [['--peers', ''], 'no peer’s name begins with ""'],
    [['--only', 'down-1,down-2'], 'no measurement is called down-2'],
    [['--runs', 'x'], '--runs is a whole number from 1 on, not x'],
    [['--runs', '0'], '--runs is a whole number from 1 on, not 0'],
    [['--runs', '1.5'], '--runs is a whole number from 1 on, not 1.5'],
    [['--seconds', '0'], '--seconds is a number above 0, not 0'],
    [['--seconds', 'soon'], '--seconds is a number above 0, not soon'],
    [['--seconds', ''], '--seconds is a number above 0, not ""'],
    [['--run', '3'], "Unknown option '--run'"],
  ] as const) {
    t.throws(() => readOptions(wrong, KNOWN), { message: new RegExp(`^${told}`) }, wrong.join(' '))
  }
})
