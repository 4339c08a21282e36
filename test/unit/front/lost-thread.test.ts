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
}
const WORKER = new URL('../../../src/gateway/front/front-worker.ts', import.meta.url).href

/** Ways to die: from outside, and by an exception in its loop, for which its clock is made to throw once this is set. */
const WAYS = {
  terminated: (worker: Worker) => void worker.terminate(),
  'an exception in it': (_worker: Worker, fail: Int32Array) => void Atomics.store(fail, 0, 1),
}

for (const [way, kill] of Object.entries(WAYS)) {
  t.test(`a thread that dies takes its tunnels with it, and not the door: ${way}`, { skip }, (t) => dies(t, kill))
}

async function dies(t: Test, kill: (worker: Worker, fail: Int32Array) => void): Promise<void> {
  const fail = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  const echo = await startEcho()
  let worker: Worker | undefined
  let lost = ''
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
    clients: clientCountsMemory(() => 1),
    identified: (query) => query,
    records,
    ways: () => ({
      router: {
        async route() {
          const because = { source: 'default', detail: '' } as const
          return { decision: 'direct', candidates: [{ hops: [] }], because, generation: 1 } as const
        },
      },
      dialers: { directAddresses: async () => ['127.0.0.1'] },
    }),
    onLost: (reason) => {
      lost = reason
    },
    startWorker(workerData) {
      const code = `
        const { fail } = require('node:worker_threads').workerData
        const now = performance.now.bind(performance)
        performance.now = () => { if (Atomics.load(fail, 0) > 0) throw new Error('a fault'); return now() }
        import('${import.meta.resolve('tsx/esm/api')}').then(({ register }) => (register(), import('${WORKER}')))`
      worker = new Worker(code, { eval: true, workerData: { ...workerData, fail } })
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
    await echo.close()
  })
  let id = 0
  const context = { name: 'mixed', scope: 'host', nextId: () => String(++id) } as DoorContext
  front.serve({ listener, context, rules: () => RULES })
  await front.settled()

  const ask = `CONNECT 127.0.0.1:${echo.port} HTTP/1.1\r\nHost: 127.0.0.1:${echo.port}\r\n\r\n`
  const tunnel = connect(port, '127.0.0.1')
  tunnel.write(`${ask}hello`)
  t.match(await readExactly(tunnel, 44), /200 [\s\S]*hello$/)
  t.equal(listener.connections, 1)
  await until('it is known to stand', () => front.tunnels === 1)

  const broken = new Promise((resolve) => tunnel.resume().once('error', resolve).once('close', resolve))
  kill(worker!, fail)
  await until('the loss is known', () => lost !== '')
  t.match(await broken, { code: 'ECONNRESET' }, 'its client is not told that all has come')
  t.match(
    lines.map((line) => JSON.parse(line)),
    [{ msg: 'flow', ended: 'aborted', route: 'direct', bytesUp: 5, bytesDown: 5 }],
  )
  const next = connect(port, '127.0.0.1')
  next.write(ask)
  t.equal(await readExactly(next, 18), 'served by the door')
  next.destroy()
  await front.close()
}
