import { once } from 'node:events'
import { connect } from 'node:net'
import { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import type { DoorContext } from '../../../src/contracts/door.ts'
import { clientCountsMemory } from '../../../src/front/client-counts.ts'
import { DoorsFront } from '../../../src/gateway/front/doors-front.ts'
import { openListener } from '../../../src/listeners/listener.ts'
import { FlowRecords } from '../../../src/observe/flow-records.ts'
import { createLog } from '../../../src/observe/log.ts'
import { Metrics } from '../../../src/observe/metrics.ts'
import { readExactly } from '../../fixtures/reading.ts'
import { until } from '../../fixtures/until.ts'
import { startEcho } from '../../fixtures/upstreams/origins.ts'

const skip = process.platform !== 'linux' && 'the front is for Linux'

const RULES = {
  serves: true,
  captured: false,
  from: [],
  maxConnections: 9,
  maxHeadBytes: 9_999,
  pseudonym: 'x',
  idleMs: 0,
  lifetimeMs: 0,
  dialMs: 30_000,
  patienceMs: 15_000,
}
const WORKER = new URL('../../../src/gateway/front/front-worker.ts', import.meta.url).href

/** Ways to die: from outside, and by an exception in its loop, for which its clock is made to throw once this is set. */
const WAYS = {
  terminated: (worker: Worker) => void worker.terminate(),
  'an exception in it': (_worker: Worker, fail: Int32Array) => void Atomics.store(fail, 0, 1),
}

for (const [way, kill] of Object.entries(WAYS)) {
  t.test(`a thread that dies takes its tunnels with it, and not the door: ${way}`, { skip }, (t) => dies(t, kill))
  t.test(`of several, the others go on: ${way}`, { skip }, (t) => oneDies(t, kill))
}

t.test(
  'a thread that dies before it has read that its door is shut: nobody listens there any more',
  { skip },
  async (t) => {
    for (const closes of [false, true]) {
      const { front, listener, workers, losses, open } = await rig(t, 2)
      const { by, tunnel } = await open()
      workers[by]!.worker.on('error', () => {})
      const port = listener.address.kind === 'tcp' ? listener.address.port : 0
      for (const { fail } of workers) Atomics.store(fail, 0, 1)
      listener.close()
      if (closes) await front.close()
      else await until('the loss is known', () => losses.length === 2)
      const next = connect(port, '127.0.0.1')
      const [error] = (await once(next, 'error')) as [NodeJS.ErrnoException]
      t.equal(error.code, 'ECONNREFUSED', closes ? 'also in the end' : 'after a reload')
      tunnel.destroy()
    }
  },
)

/** Threads in front of a door. */
async function rig(t: Test, threads: number) {
  const workers: { worker: Worker; fail: Int32Array }[] = []
  const echo = await startEcho()
  const losses: string[] = []
  const lines: string[] = []
  const log = createLog({ level: 'info', format: 'json' }, { write: (line) => void lines.push(line) })
  const records = new FlowRecords(
    systemClock,
    log,
    new Metrics(
      () => 0,
      () => 0,
    ),
  )
  const front = new DoorsFront({
    clock: systemClock,
    atOnce: true,
    threads,
    clients: clientCountsMemory(() => 1),
    identified: (query) => query,
    records,
    ways: () => ({
      identified: (query) => query,
      router: {
        async route() {
          const because = { source: 'default', detail: '' } as const
          return { decision: 'direct', candidates: [{ hops: [] }], because, generation: 1 } as const
        },
      },
      dialers: { directAddresses: async () => ['127.0.0.1'] },
    }),
    onLost: (_reason, others) => void losses.push(`${others} go on`),
    startWorker(workerData) {
      const fail = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
      const code = `
        const { fail } = require('node:worker_threads').workerData
        const now = performance.now.bind(performance)
        performance.now = () => { if (Atomics.load(fail, 0) > 0) throw new Error('a fault'); return now() }
        import('${import.meta.resolve('tsx/esm/api')}').then(({ register }) => (register(), import('${WORKER}')))`
      const worker = new Worker(code, { eval: true, workerData: { ...workerData, fail } })
      workers.push({ worker, fail })
      return worker
    },
  })
  const listener = await openListener({
    address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    clock: systemClock,
    maxConnections: 9,
    firstByteMs: 5_000,
    tlsHandshakeMs: 5_000,
    admits: () => true,
    onClient: (socket) => socket.end('served by the door'),
    onRefused: () => {},
  })
  const port = listener.address.kind === 'tcp' ? listener.address.port : 0
  t.teardown(async () => {
    listener.close()
    listener.destroyConnections()
    await front.close()
    await echo.close()
  })
  let id = 0
  const context = { name: 'mixed', scope: 'host', nextId: () => String(++id) } as DoorContext
  front.serve({ listener, context, rules: () => RULES })
  await front.settled()

  const ask = `CONNECT 127.0.0.1:${echo.port} HTTP/1.1\r\nHost: 127.0.0.1:${echo.port}\r\n\r\n`
  /** A tunnel with a word in it, and the place of the thread that has it. */
  const open = async () => {
    const before = front.tunnels
    const tunnel = connect(port, '127.0.0.1')
    tunnel.write(`${ask}hello`)
    t.match(await readExactly(tunnel, 44), /200 [\s\S]*hello$/)
    const by = () => front.tunnels.findIndex((tunnels, place) => tunnels > before[place]!)
    await until('it is known to stand', () => by() >= 0)
    const broken = new Promise((resolve) => tunnel.resume().once('error', resolve).once('close', resolve))
    return { tunnel, by: by(), broken }
  }
  const doorServes = async () => {
    const next = connect(port, '127.0.0.1')
    next.write(ask)
    t.equal(await readExactly(next, 18), 'served by the door')
    next.destroy()
  }
  return { front, listener, workers, losses, open, doorServes, flows: () => lines.map((line) => JSON.parse(line)) }
}

const ABORTED = { msg: 'flow', ended: 'aborted', route: 'direct', bytesUp: 5, bytesDown: 5 }

async function dies(t: Test, kill: (worker: Worker, fail: Int32Array) => void): Promise<void> {
  const { listener, workers, losses, open, doorServes, flows } = await rig(t, 1)
  const { broken } = await open()
  t.equal(listener.connections, 1)
  kill(workers[0]!.worker, workers[0]!.fail)
  await until('the loss is known', () => losses.length > 0)
  t.match(await broken, { code: 'ECONNRESET' }, 'its client is not told that all has come')
  t.match(flows(), [ABORTED])
  await doorServes()
}

async function oneDies(t: Test, kill: (worker: Worker, fail: Int32Array) => void): Promise<void> {
  const { front, listener, workers, losses, open, doorServes, flows } = await rig(t, 2)
  const first = await open()
  let other = await open()
  for (; other.by === first.by; other = await open()) other.tunnel.destroy()
  kill(workers[first.by]!.worker, workers[first.by]!.fail)
  await until('the loss is known', () => losses.length > 0)
  t.same(losses, ['1 go on'])
  t.match(await first.broken, { code: 'ECONNRESET' })
  await until('its place is free', () => listener.connections === 1)
  t.match(
    flows().filter(({ ended }) => ended === 'aborted'),
    [ABORTED],
  )
  const echoed = once(other.tunnel, 'data')
  other.tunnel.write('again')
  t.equal(String((await echoed)[0]), 'again')
  for (let time = 0; time < 6; time += 1) {
    const { by, tunnel } = await open()
    t.equal(by, other.by, 'whoever comes then is the other’s')
    tunnel.destroy()
  }
  kill(workers[other.by]!.worker, workers[other.by]!.fail)
  await until('the loss is known', () => losses.length > 1)
  t.same(losses, ['1 go on', '0 go on'])
  t.match(await other.broken, { code: 'ECONNRESET' })
  await until('no place is taken', () => listener.connections === 0)
  await doorServes()
  t.equal(front.tunnels.length, 2)
}
