import t from 'tap'
import { listen, type Row, settle, type Waiter } from '../../../src/pac-engine/waiter.ts'

t.test('whoever has given up leaves the row of those who wait', (t) => {
  const row: Row = { others: [], gone: 0 }
  const heard: unknown[] = []
  const join = () => {
    const caller = new AbortController()
    const { signal } = caller
    const waiter: Waiter = {
      resolve: (answer) => heard.push(answer),
      reject: () => {},
      signal,
      row,
      settled: false,
      aborted: undefined,
    }
    row.others!.push(waiter)
    listen(waiter)
    return caller
  }
  join()
  let longest = 0
  for (let i = 0; i < 10_000; i++) {
    join().abort(new Error('gone'))
    longest = Math.max(longest, row.others!.length)
  }
  t.ok(longest <= 130, `${longest} at most`)
  for (const waiter of row.others!) settle(waiter, { result: 'DIRECT' })
  t.same(heard, [{ result: 'DIRECT' }], 'who waits is answered')
  t.end()
})
