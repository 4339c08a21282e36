import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import type { Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import type { RelayResult } from '../../../src/contracts/relay.ts'
import { createRelay } from '../../../src/relay/create-relay.ts'
import { KernelRelay } from '../../../src/relay/kernel-relay.ts'
import { LimitSweep } from '../../../src/relay/limit-sweep.ts'
import { tcpPair } from '../../fixtures/socket-pair.ts'

const options = { idleMs: 0, lifetimeMs: 0, clock: systemClock, fast: true, fastAfterBytes: 0, threads: 1 }
const descriptors = (): number => readdirSync('/proc/self/fd').length

/** The error code a socket breaks with, or `end`. */
function failure(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
    socket.on('end', () => resolve('end'))
    socket.resume()
  })
}

/** A thread that says it is ready, and dies of the first thing it is told. */
const doomed = (): Worker =>
  new Worker(
    `const { parentPort } = require('node:worker_threads')
     parentPort.on('message', () => { throw new Error('as planned') })
     parentPort.postMessage([{ kind: 'ready', wakeDescriptor: require('node:fs').openSync('/dev/null', 'w') }])`,
    { eval: true, trackUnmanagedFds: false },
  )

/** One in which koffi, say, is not there. */
const stillborn = (): Worker => new Worker(`throw new Error('no such module')`, { eval: true })

if (process.platform !== 'linux') t.plan(0, 'the kernel relay is for Linux')
else {
  t.test('a door that destroys its socket meanwhile: no descriptor is closed under the thread', async (t) => {
    const relay = createRelay(options)
    await relay.started
    const [a, b] = await Promise.all([tcpPair(), tcpPair()])
    const result = relay(a.near, b.near, new AbortController().signal)
    a.far.write('x')
    await once(b.far, 'data')
    a.near.destroy()
    t.notOk(a.near.closed, 'it waits for the thread')
    t.equal(await failure(b.far), 'ECONNRESET')
    t.match(await result, { bytesUp: 1, ended: 'client-reset' })
    t.ok(a.near.closed && b.near.closed)
    await relay.close()
  })

  t.test('other limits on the same threads', async (t) => {
    const relay = createRelay(options)
    await relay.started
    const [a, b, c, d] = await Promise.all([tcpPair(), tcpPair(), tcpPair(), tcpPair()])
    const { signal } = new AbortController()
    const slow = relay(a.near, b.near, signal)
    const broken = [failure(c.far), failure(d.far)]
    t.match(await relay.withLimits({ idleMs: 60, lifetimeMs: 0 })(c.near, d.near, signal), { ended: 'idle' })
    t.same(await Promise.all(broken), ['ECONNRESET', 'ECONNRESET'])
    t.same(relay.fastPairs(), { now: 1, ever: 2 }, 'the first has its own limits')
    const [e, f] = await Promise.all([tcpPair(), tcpPair()])
    relay.withLimits({ idleMs: 0, lifetimeMs: 0 }, false)(e.near, f.near, signal)
    t.same(relay.fastPairs(), { now: 1, ever: 2 }, 'without the fast path')
    for (const { far } of [a, b, e, f]) far.resume().end()
    t.match(await slow, { ended: 'finished' })
    await relay.close()
  })

  t.test('closing the relay ends what runs as aborted, and leaves no descriptor', async (t) => {
    const before = descriptors()
    const relay = createRelay({ ...options, threads: 2 })
    await relay.started
    const pairs = await Promise.all(Array.from({ length: 10 }, () => Promise.all([tcpPair(), tcpPair()])))
    const results = pairs.map(([a, b]) => relay(a.near, b.near, new AbortController().signal))
    t.equal(relay.fastPairs().now, 10)
    const broken = Promise.all(pairs.flatMap(([a, b]) => [failure(a.far), failure(b.far)]))
    await relay.close()
    t.same(new Set((await Promise.all(results)).map(({ ended }) => ended)), new Set(['aborted']))
    t.same(new Set(await broken), new Set(['ECONNRESET']))
    const far = pairs.flatMap(([a, b]) => [a.far, b.far])
    await Promise.all(far.map((socket) => (socket.closed ? undefined : once(socket, 'close'))))
    t.ok(descriptors() <= before, 'no descriptor left')
  })

  t.test('a thread that dies: its pairs end as aborted, later ones are refused, it is said once', async (t) => {
    const lost: string[] = []
    const onThreadLost = (reason: string): void => {
      lost.push(reason)
    }
    const kernel = new KernelRelay({ ...options, after: 0, onThreadLost, startWorker: doomed })
    await kernel.started
    const [a, b] = await Promise.all([tcpPair(), tcpPair()])
    const broken = Promise.all([failure(a.far), failure(b.far)])
    const counts = { bytesUp: 0, bytesDown: 0 }
    const { promise, resolve } = withResolvers<RelayResult>()
    const pair = {
      client: a.near,
      upstream: b.near,
      signal: new AbortController().signal,
      counts,
      startedAt: 0,
      firstByteMs: undefined,
      resolve,
    }
    t.ok(kernel.canTake(pair))
    kernel.take(pair, new LimitSweep({ idleMs: 0, lifetimeMs: 0 }, systemClock))
    t.match(await promise, { ended: 'aborted' })
    t.same(await broken, ['ECONNRESET', 'ECONNRESET'])
    t.same(lost, ['as planned'])
    const [c, d] = await Promise.all([tcpPair(), tcpPair()])
    t.notOk(kernel.canTake({ ...pair, client: c.near, upstream: d.near }))
    for (const socket of [c.near, c.far, d.near, d.far]) socket.destroy()
    await kernel.close()
  })

  t.test('a thread that cannot start', async (t) => {
    const lost: string[] = []
    const onThreadLost = (reason: string): void => {
      lost.push(reason)
    }
    const kernel = new KernelRelay({ ...options, after: 0, onThreadLost, startWorker: stillborn })
    await kernel.started
    t.same(lost, ['no such module'])
    await kernel.close()
  })

  const child = (code: string): Promise<{ status: number | null; milliseconds: number; said: string }> =>
    new Promise((resolve) => {
      const program = `
        import { createRelay } from './src/relay/create-relay.ts'
        import { systemClock } from './src/contracts/clock.ts'
        import { tcpPair } from './test/fixtures/socket-pair.ts'
        const relay = createRelay({ idleMs: 0, lifetimeMs: 0, clock: systemClock, fast: true, fastAfterBytes: 0, threads: 2 })
        await relay.started
        ${code}`
      const args = ['--import=tsx', '--input-type=module', '-e', program]
      const running = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
      let said = ''
      let saidAt = 0
      running.stdout.on('data', (chunk) => {
        said += chunk
        saidAt ||= performance.now()
      })
      running.on('exit', (status) => resolve({ status, milliseconds: performance.now() - saidAt, said }))
    })

  const withPair = `
    const [a, b] = await Promise.all([tcpPair(), tcpPair()])
    const result = relay(a.near, b.near, new AbortController().signal)
    a.far.write('x'); await new Promise((done) => b.far.once('data', done))
    console.log(relay.fastPairs().now)`

  for (const [what, code, status, said] of [
    ['with nothing to do ends by itself', `console.log('idle')`, 0, 'idle'],
    ['that calls exit() in mid-stream ends', `${withPair}; process.exit(3)`, 3, '1'],
    ['that throws in mid-stream ends', `${withPair}; setTimeout(() => { throw 0 })`, 1, '1'],
  ] as const) {
    t.test(`a process ${what}, at once, though its threads sleep in the kernel`, async (t) => {
      const end = await child(code)
      t.equal(end.status, status)
      t.equal(end.said.trim(), said)
      // A thread that was not woken would sleep for five seconds.
      t.ok(end.milliseconds < 4_500, `${end.milliseconds.toFixed(0)} ms`)
    })
  }

  t.test('a process whose tunnels are all in the kernel goes on until they have ended', async (t) => {
    const end = await child(`${withPair}
      a.far.unref(); b.far.unref()
      for (const socket of [a.far, b.far]) { socket.end(); socket.resume() }
      console.log((await result).ended)`)
    t.equal(end.status, 0)
    t.same(end.said.trim().split('\n'), ['1', 'finished'])
  })
}

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
