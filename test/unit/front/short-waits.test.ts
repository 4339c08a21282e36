import { test } from 'tap'
import { ReadyList } from '../../../src/front/ready-list.ts'
import { ShortWaits } from '../../../src/front/short-waits.ts'

const MICROSECOND = 0.001

interface Turn {
  /** Since the turn before. */
  readonly micros?: number
  readonly bytes?: number
  readonly tunnels?: number
  readonly isBusy?: boolean
}

/** A thread whose turns are told, not lived through. */
function thread(processors = 2) {
  const waits = new ShortWaits(processors)
  const moved = new Map<number, number>()
  let now = 1_000
  return (turn: Turn = {}, times = 1): boolean => {
    const { micros = 30, bytes = 100, tunnels = 1, isBusy = false } = turn
    for (let count = 0; count < times; count += 1) {
      now += micros * MICROSECOND
      const ready = new ReadyList<{ row: number; queued: boolean; move(): boolean }>()
      for (let row = 0; row < tunnels; row += 1) {
        const move = () => {
          moved.set(row, (moved.get(row) ?? 0) + bytes)
          return false
        }
        ready.add({ row, queued: false, move })
      }
      waits.move(ready, { now: () => now, progress: (row) => moved.get(row) ?? 0 }, isBusy)
    }
    return waits.awake > 0
  }
}

test('a conversation of small messages within microseconds is awaited awake, once it has shown itself as one', async (t) => {
  const turn = thread()
  t.equal(turn({}, 7), false, 'the first of them follows on nothing')
  t.equal(turn({}, 2), true)
  t.equal(turn({}, 1_000), true, 'for as long as it lasts')
})

test('and nothing else is', async (t) => {
  const others: readonly [string, Turn][] = [
    ['what takes longer', { micros: 61 }],
    ['a transfer', { bytes: 64 * 1024 }],
    ['turns in which nothing moved', { bytes: 0 }],
    ['turns for other than tunnels', { tunnels: 0 }],
    ['several tunnels in a turn', { tunnels: 2 }],
    ['tunnels beside clients that are being served', { isBusy: true }],
  ]
  for (const [what, other] of others) {
    t.equal(thread()(other, 100), false, what)
    const turn = thread()
    t.equal(turn({}, 20), true)
    t.equal(turn(other), false, `${what} ends it`)
    t.equal(turn({}, 5), false, 'and it must show itself again')
    t.equal(turn({}, 5), true)
  }
})

test('with one processor the other side could not speak meanwhile', async (t) => {
  t.equal(thread(1)({}, 100), false)
})
