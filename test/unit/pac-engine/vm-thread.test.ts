import { Worker } from 'node:worker_threads'
import t from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import { Crowd } from '../../../src/pac-engine/crowd.ts'
import { DEFAULT_LIMITS } from '../../../src/pac-engine/limits.ts'
import { quickjsModule } from '../../../src/pac-engine/quickjs-module.ts'
import { scriptFailure } from '../../../src/pac-engine/script-failure.ts'
import { TurnBudget } from '../../../src/pac-engine/turn-budget.ts'
import { CLOSED } from '../../../src/pac-engine/vm-job.ts'
import type { VmOutcome } from '../../../src/pac-engine/vm-outcome.ts'
import { VmPool } from '../../../src/pac-engine/vm-pool.ts'
import { VmThread } from '../../../src/pac-engine/vm-thread.ts'
import type { ToWorker } from '../../../src/pac-engine/worker-protocol.ts'
import { until } from '../../fixtures/until.ts'

t.test('a thread that gets no job is told of DNS in portions, and keeps few for later', async (t) => {
  const sent: ToWorker[] = []
  const { postMessage } = Worker.prototype
  t.teardown(() => {
    Worker.prototype.postMessage = postMessage
  })
  Worker.prototype.postMessage = function (message: ToWorker) {
    // The machinery of threads sends messages of its own.
    if (message?.dns) sent.push(message)
    postMessage.call(this, message)
  }
  const thread = new VmThread(
    {
      script: 'function FindProxyForURL(url, host) { return host.split(" ").map(dnsResolve).join(" ") }',
      limits: DEFAULT_LIMITS,
      clock: systemClock,
      wasm: await quickjsModule(DEFAULT_LIMITS.memoryPages),
      crowd: new Crowd(systemClock).cells,
      second: true,
      budget: new TurnBudget(DEFAULT_LIMITS.turnAnswers),
    },
    { advanced() {}, slow() {}, died() {} },
  )
  t.teardown(async () => {
    thread.end(CLOSED)
    await thread.gone
  })
  t.match(await thread.load([]), { is: 'ready' })
  for (let i = 0; i < 5_000; i++)
    thread.learn([[`name${i}.test`, '192.0.2.1'], ...(i < 10 ? [] : [[`name${i - 10}.test`] as const])])
  const host = 'name4990.test name4999.test'
  const outcome = await new Promise<VmOutcome>((settle) => {
    thread.run([{ url: `http://${host}/`, host, trace: false, settle, makeWay() {} }])
  })
  t.match(outcome, { is: 'answer', answer: '192.0.2.1 192.0.2.1' })
  const most = Math.max(...sent.map(({ dns }) => dns.length))
  t.ok(most < 1_000, `${most} at once`)
  t.equal(
    sent.reduce((count, { dns }) => count + dns.length, 0),
    9_990,
    'none is lost',
  )
})

const skip = process.platform === 'linux' ? false : 'the system does not tell'
t.test('a thread is not over for time that its job had no processor', { skip }, async (t) => {
  const limits = { ...DEFAULT_LIMITS, evaluateMs: 600_000 }
  const thread = new VmThread(
    {
      script: 'function FindProxyForURL() { for (;;); }',
      ...{ limits, clock: systemClock, wasm: await quickjsModule(limits.memoryPages), second: true },
      crowd: new Crowd(systemClock).cells,
      budget: new TurnBudget(limits.turnAnswers),
    },
    { advanced() {}, slow() {}, died() {} },
  )
  t.teardown(async () => {
    thread.end(CLOSED)
    await thread.gone
  })
  t.match(await thread.load([]), { is: 'ready' })
  thread.run([{ url: 'http://a/', host: 'a', trace: false, settle() {}, makeWay() {} }])
  const [began, limitMs] = [1_000, limits.evaluateMs + limits.graceMs]
  await until('it is seen to be slow', () => {
    thread.look(began)
    return thread.look(began + limits.slowMs) > 0
  })
  t.notOk(thread.isOver(began + limits.slowMs))
  t.notOk(thread.isOver(began + 2 * limitMs), 'it has hardly run')
  t.notOk(thread.isOver(began + limitMs, true), 'others wait: a little more')
  t.ok(thread.isOver(began + 2 * limitMs, true), 'and no more than that')
  t.ok(thread.isOver(began + 5 * limitMs), 'nobody waits for ever')
  t.ok(thread.starved)
})

t.test('whose thread is ended for time that others had is no failed script', async (t) => {
  const limits = { ...DEFAULT_LIMITS, threads: 1, evaluateMs: 600_000, standbyMs: 600_000 }
  for (const starved of [true, false]) {
    t.intercept(VmThread.prototype, 'isOver', {
      value(this: VmThread) {
        return this.slow
      },
    })
    t.intercept(VmThread.prototype, 'starved', { get: () => starved })
    const pool = new VmPool('function FindProxyForURL() { for (;;); }', {
      ...{ limits, clock: systemClock },
      known: () => [],
    })
    t.teardown(() => pool.close())
    t.match(await pool.start(), { is: 'ready' })
    const outcome = await new Promise<VmOutcome>((settle) => pool.run({ url: 'http://a:80', host: 'a' }, false, settle))
    if (outcome.is !== 'failed') throw new Error(outcome.is)
    t.equal(scriptFailure(outcome.failure, 'test', '').code, starved ? 'LIMIT_REACHED' : 'PAC_FAILED')
  }
})

t.test('a thread that is ended at once is there until it has read its modules', async (t) => {
  const spoken = new Set<Worker>()
  const endedUnheard: boolean[] = []
  const { postMessage, terminate } = Worker.prototype
  t.intercept(Worker.prototype, 'postMessage', {
    value(this: Worker, message: ToWorker) {
      if (message?.do === 'load') this.once('message', () => spoken.add(this))
      postMessage.call(this, message)
    },
  })
  t.intercept(Worker.prototype, 'terminate', {
    value(this: Worker) {
      endedUnheard.push(!spoken.has(this))
      return terminate.call(this)
    },
  })
  const pool = new VmPool('function FindProxyForURL() { return "DIRECT" }', {
    ...{ limits: DEFAULT_LIMITS, clock: systemClock, known: () => [] },
  })
  const started = pool.start()
  // Whatever the threads are at.
  await until('there is a thread', () => pool.threads > 0)
  await pool.close()
  t.match(await started, CLOSED)
  t.strictSame(endedUnheard, [false])
})
