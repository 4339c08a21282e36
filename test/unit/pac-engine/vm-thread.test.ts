import { Worker } from 'node:worker_threads'
import t from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import { DEFAULT_LIMITS } from '../../../src/pac-engine/limits.ts'
import { quickjsModule } from '../../../src/pac-engine/quickjs-module.ts'
import { TurnBudget } from '../../../src/pac-engine/turn-budget.ts'
import type { VmOutcome } from '../../../src/pac-engine/vm-outcome.ts'
import { CLOSED, VmThread } from '../../../src/pac-engine/vm-thread.ts'
import type { ToWorker } from '../../../src/pac-engine/worker-protocol.ts'

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
      crowd: new Int32Array(new SharedArrayBuffer(4)),
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
