import t from 'tap'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { AwaitedDoors, canCome } from '../../../src/gateway/awaited-doors.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'

const failed = (code: string, message = code) =>
  new GatewayError('INTERNAL', message, { cause: Object.assign(new Error(code), { code }) })

/** A machine on which `open` fails as `state` says. */
function machine() {
  const clock = manualClock()
  const did: string[] = []
  const state: { fails: Error | undefined; tries: number } = { fails: failed('EADDRNOTAVAIL'), tries: 0 }
  const doors = new AwaitedDoors<string>({
    clock,
    opened: (key, door) => did.push(`opened ${key} ${door}`),
    close: (door) => did.push(`closed ${door}`),
    warn: (message) => did.push(message),
  })
  const open = async () => {
    state.tries++
    if (state.fails) throw state.fails
    return 'door'
  }
  const pass = async (ms: number) => {
    clock.advance(ms)
    await new Promise(setImmediate)
  }
  return { doors, did, state, open, pass, clock }
}

t.test('tried every second until the address is there', async (t) => {
  const { doors, did, state, open, pass } = machine()
  doors.set(new Map([['a', open]]))
  await pass(999)
  t.equal(state.tries, 0)
  for (let second = 0; second < 5; second++) await pass(1_000)
  t.equal(state.tries, 5)
  t.same(did, [])
  t.same(doors.keys, ['a'])
  state.fails = undefined
  await pass(1_000)
  t.same(did, ['opened a door'])
  t.same(doors.keys, [])
  await pass(10_000)
  t.equal(state.tries, 6, 'and no more')
})

t.test('another program has come first: said once, and tried on', async (t) => {
  const { doors, did, state, open, pass } = machine()
  doors.set(new Map([['a', open]]))
  state.fails = failed('EADDRINUSE', 'another program is listening there')
  for (let second = 0; second < 3; second++) await pass(1_000)
  t.same(did, ['another program is listening there'])
  state.fails = undefined
  await pass(1_000)
  t.equal(did.at(-1), 'opened a door')
})

t.test('what the caller has said itself is not said again', async (t) => {
  const { doors, did, state, open, pass } = machine()
  state.fails = failed('EADDRINUSE', 'a gateway that drains has it')
  doors.set(new Map([['a', open]]), new Map([['a', 'a gateway that drains has it']]))
  await pass(1_000)
  t.same(did, [])
  state.fails = failed('EACCES', 'not permitted')
  await pass(1_000)
  t.same(did, ['not permitted'])
})

t.test('no longer wanted while it opens: closed', async (t) => {
  const { doors, did, pass } = machine()
  let open = (_door: string) => {}
  doors.set(new Map([['a', () => new Promise<string>((resolve) => (open = resolve))]]))
  await pass(1_000)
  await pass(1_000)
  doors.close()
  open('late')
  await pass(0)
  t.same(did, ['closed late'])
})

t.test('paused, it tries nothing, and what is being tried is waited for', async (t) => {
  const { doors, did, state, open, pass } = machine()
  state.fails = undefined
  let opened = (_door: string) => {}
  const slow = () => new Promise<string>((resolve) => (opened = resolve))
  doors.set(
    new Map([
      ['a', slow],
      ['b', open],
    ]),
  )
  await pass(1_000)
  let isPaused = false
  const paused = doors.pause().then(() => {
    isPaused = true
  })
  await pass(1_000)
  t.notOk(isPaused)
  opened('first')
  await paused
  await pass(5_000)
  t.same(did, ['opened a first'])
  t.equal(state.tries, 0)
  doors.goOn()
  await pass(1_000)
  t.same(did, ['opened a first', 'opened b door'])
})

t.test('what can come', async (t) => {
  const absent = failed('EADDRNOTAVAIL')
  t.equal(canCome('172.17.0.1', absent), true)
  t.equal(canCome('fd00::1', absent), true)
  t.equal(canCome('::1', absent), false, 'no IPv6 here')
  t.equal(canCome('::', absent), false)
  t.equal(canCome('172.17.0.1', failed('EADDRINUSE')), false)
  t.equal(canCome('172.17.0.1', new Error('x')), false)
})
