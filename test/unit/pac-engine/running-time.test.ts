import t from 'tap'
import { Crowd } from '../../../src/pac-engine/crowd.ts'
import { DEFAULT_LIMITS } from '../../../src/pac-engine/limits.ts'
import { PacVm } from '../../../src/pac-engine/pac-vm.ts'
import { quickjsModule } from '../../../src/pac-engine/quickjs-module.ts'
import { placeOfThread, processorMs, RunningTime, whenSpent } from '../../../src/pac-engine/running-time.ts'
import { scriptFailure } from '../../../src/pac-engine/script-failure.ts'
import { VmTime } from '../../../src/pac-engine/vm-time.ts'
import { SECOND_TURNS } from '../../../src/pac-engine/worker-protocol.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'

t.test('what has its own time is not ended for time that others had', async (t) => {
  let had = 500
  const time = new RunningTime(3_000, 10_000, () => had)
  had += 1_000
  t.equal(time.left(13_000), 2_000)
  had += 1_999.5
  t.equal(time.left(15_000), 0, 'within a tick')
  const starved = new RunningTime(3_000, 10_000, () => 500)
  t.equal(starved.left(13_000), 3_000)
  t.equal(starved.left(21_000), 1_000, 'four times as long at most')
  t.equal(starved.left(22_000), 0)
  const unknown = new RunningTime(3_000, 10_000, () => undefined)
  t.equal(unknown.left(13_000), 0, 'where nobody knows it, the clock counts')
})

t.test('it is looked at again when it could be up', async (t) => {
  const clock = manualClock()
  let [had, ended] = [500, 0]
  whenSpent(
    clock,
    3_000,
    () => had,
    () => {
      ended = clock.monotonic()
    },
  )
  clock.advance(2_000)
  had += 2_500
  clock.advance(1_499)
  t.equal(ended, 0)
  had += 500
  clock.advance(1)
  t.equal(ended, 3_500)
  t.equal(clock.pending, 0)
})

t.test('global code whose thread stood still goes on, and so does an evaluation', async (t) => {
  let [now, had] = [1_000, 500]
  t.intercept(performance, 'now', { value: () => now })
  const time = new VmTime(DEFAULT_LIMITS, {}, () => had)
  const { loadMs, evaluateMs, slowMs } = DEFAULT_LIMITS
  time.beginLoad(0)
  now += loadMs
  had += 100
  t.notOk(time.interrupts())
  now += loadMs - 150
  t.notOk(time.interrupts())
  now += 50
  had += loadMs - 100
  t.ok(time.interrupts())
  t.ok(time.timedOut)
  time.beginRow(1, 0)
  time.turn()
  now += slowMs
  had += slowMs
  t.notOk(time.interrupts())
  now += evaluateMs
  had += 100
  t.notOk(time.interrupts(), 'others had the processor')
  now += 2 * evaluateMs
  had += evaluateMs - slowMs - 100
  t.ok(time.interrupts())
  t.ok(time.timedOut)
  t.equal(time.spent, `${3 * evaluateMs + slowMs} ms, for ${evaluateMs} of which it had a processor`)
  t.notOk(time.starved, 'it had its time')
})

t.test('an evaluation whose thread gets no processor is stopped all the same', async (t) => {
  let now = 1_000
  t.intercept(performance, 'now', { value: () => now })
  const { evaluateMs } = DEFAULT_LIMITS
  const time = new VmTime(DEFAULT_LIMITS, {}, () => 500)
  time.beginRow(1, 0)
  time.turn()
  now += evaluateMs
  t.notOk(time.interrupts(), 'not looked at until now')
  now += 4 * evaluateMs
  t.ok(time.interrupts())
  t.ok(time.starved)
  time.end()
  time.beginLoad(0)
  now += 5 * DEFAULT_LIMITS.loadMs
  t.ok(time.interrupts())
  t.notOk(time.starved, 'of evaluations only')
  const unknown = new VmTime(DEFAULT_LIMITS, {}, () => undefined)
  unknown.beginRow(1, 0)
  unknown.turn()
  now += evaluateMs
  t.ok(unknown.interrupts(), 'where nobody knows it, the clock counts')
  t.equal(unknown.spent, `${evaluateMs} ms`)
  t.notOk(unknown.starved)
})

t.test(
  'while others wait for second turns, one that gets no processor has little more than its limit by the clock',
  async (t) => {
    const time = new RunningTime(1_000, 10_000, () => 500)
    t.equal(time.left(11_000, true), 250)
    t.equal(time.left(11_250, true), 0)
    let now = 1_000
    t.intercept(performance, 'now', { value: () => now })
    const { evaluateMs, loadMs, slowMs } = DEFAULT_LIMITS
    const crowd = new Crowd(manualClock())
    const hurried = () => Atomics.load(crowd.cells, SECOND_TURNS) > 0
    const vm = new VmTime(DEFAULT_LIMITS, { hurried }, () => 500)
    const runs = (ms: number) => {
      vm.beginRow(1, 0)
      vm.turn()
      now += slowMs
      vm.interrupts()
      now += ms - slowMs
      return !vm.interrupts()
    }
    t.ok(runs(1.5 * evaluateMs), 'nobody waits')
    crowd.tell(false, false, 1)
    now += 50
    t.ok(vm.interrupts(), 'until one does')
    t.ok(runs(evaluateMs))
    t.notOk(runs(1.5 * evaluateMs), 'another one waits')
    vm.end()
    vm.beginLoad(0)
    now += 2 * loadMs
    t.notOk(vm.interrupts(), 'a VM that is made anew has its time')
    crowd.tell(false, false)
    t.ok(runs(1.5 * evaluateMs), 'nobody does any more')
  },
)

t.test('the last words of a query that failed at once have their own time only', async (t) => {
  let now = 1_000
  t.intercept(performance, 'now', { value: () => now })
  const time = new VmTime(DEFAULT_LIMITS, {}, () => 500)
  time.beginRow(1, 0)
  time.turn()
  now += 1
  time.extend(20)
  now += DEFAULT_LIMITS.slowMs
  t.notOk(time.interrupts())
  now += 20
  t.ok(time.interrupts())
})

const skip = process.platform === 'linux' ? false : 'the system does not tell'
t.test('who others left no processor is no failed script', { skip }, async (t) => {
  const limits = { ...DEFAULT_LIMITS, evaluateMs: 600_000 }
  for (const [hurried, times] of [
    [true, 1.25],
    [false, 4],
  ] as const) {
    // The clock goes on by all that it may have when it has hardly begun.
    const { now } = performance
    let ahead = 0
    t.intercept(performance, 'now', { value: () => now.call(performance) + ahead })
    const slow = () => {
      ahead += times * limits.evaluateMs
    }
    const vm = new PacVm(await quickjsModule(limits.memoryPages), limits, { slow, hurried: () => hurried })
    t.teardown(() => vm.dispose())
    await vm.load('function FindProxyForURL() { for (;;); }', { now: 0, dns: [] })
    const outcome = await vm.evaluate({ url: 'http://a:80', host: 'a' }, { now: 0, trace: false })
    if (outcome.is !== 'failed') throw new Error(outcome.is)
    t.match(scriptFailure(outcome.failure, 'test', ''), {
      code: 'LIMIT_REACHED',
      message: /ran too long \(stopped after \d+ ms, for \d+ of which it had a processor\)/,
      hint: /busy/,
    })
  }
})

t.test('what the system says of this thread', { skip }, async (t) => {
  const place = placeOfThread()
  t.match(place, /^\d+\/task\/\d+$/)
  const before = processorMs(place)!
  // To look takes processor time as well.
  while (processorMs('thread-self') === before);
  t.ok(processorMs('thread-self')! > before)
  t.equal(processorMs('1/task/none'), undefined)
  t.equal(processorMs(undefined), undefined)
})
