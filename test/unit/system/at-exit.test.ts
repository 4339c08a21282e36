import t from 'tap'
import { atExit } from '../../../src/system/at-exit.ts'

t.test('all that is to be done at the end costs one listener, and what was taken back is not done', async (t) => {
  const before = process.listeners('exit')
  const done: number[] = []
  const takeBack = Array.from({ length: 20 }, (_, number) => atExit(() => void done.push(number)))
  const added = process.listeners('exit').filter((listener) => !before.includes(listener))
  t.equal(added.length, 1)
  takeBack[3]!()
  added[0]!(0)
  t.same(done, [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19])
  for (const one of takeBack) one()
  t.same(process.listeners('exit'), before)
})
