import t from 'tap'
import { SendShares } from '../../../src/system/send-shares.ts'

const SIZE = 100_000
const ANSWER = 768

/** A socket in a kernel that keeps what goes to `gone` addresses for three seconds. */
function setUp() {
  let now = 0
  let waiting: { readonly until: number; readonly bytes: number }[] = []
  const shares = new SendShares(() => now)
  const leaving = () => waiting.reduce((sum, { bytes }) => sum + bytes, 0)
  const room = () => ({ leaving: leaving(), sendBuffer: SIZE })
  /** Whether it was sent. */
  const send = (owner: string, isGone: boolean): boolean => {
    if (!shares.allows(owner, room())) return false
    const before = leaving()
    if (before >= SIZE) return false
    if (isGone) waiting.push({ until: now + 3_000, bytes: ANSWER })
    shares.sent(owner, leaving() - before)
    return true
  }
  const pass = (ms: number) => {
    now += ms
    waiting = waiting.filter(({ until }) => until > now)
  }
  return { send, pass, leaving }
}

t.test('who is not there loses its own answers, and nobody else’s', (t) => {
  const { send, pass, leaving } = setUp()
  let lost = 0
  let most = 0
  for (let tick = 0; tick < 10_000; tick += 10) {
    for (let count = 0; count < 30; count += 1) send('strangers', true)
    if (!send('box', false)) lost += 1
    most = Math.max(most, leaving())
    pass(10)
  }
  t.equal(lost, 0)
  t.ok(most > SIZE / 3 && most < SIZE / 2 + 2 * ANSWER, `${most} of ${SIZE} bytes`)
  t.end()
})

t.test('several that are not there: each has less, and something is left', (t) => {
  const { send, pass } = setUp()
  let lost = 0
  for (let tick = 0; tick < 10_000; tick += 10) {
    for (const owner of ['a', 'b', 'c', 'd', 'e']) for (let count = 0; count < 30; count += 1) send(owner, true)
    if (!send('box', false)) lost += 1
    pass(10)
  }
  t.equal(lost, 0)
  t.end()
})

t.test('what is held is forgotten in time, and at once when nothing waits any more', (t) => {
  const { send, pass } = setUp()
  while (send('box', true));
  t.equal(send('box', false), false, 'it holds its share')
  pass(2_000)
  t.equal(send('box', false), false)
  pass(1_000)
  t.equal(send('box', false), true, 'the kernel has dropped it all')
  t.end()
})

t.test('many that hold a little and are heard of again', (t) => {
  const { send, pass } = setUp()
  for (let round = 0; round < 50; round += 1) {
    for (let count = 0; count < 20; count += 1) t.equal(send(`${count}`, true), true)
    pass(5_000)
  }
  t.end()
})
