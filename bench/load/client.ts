import { EPOLLIN, EPOLLOUT } from '../../src/system/linux/epoll.ts'
import { EAGAIN, errno } from '../../src/system/linux/libc.ts'
import { cpuOfTree } from '../measure/process-tree.ts'
import { handshake } from './handshake.ts'
import { Readiness } from './readiness.ts'
import { connectTo, discard, MSG_NOSIGNAL, pour, receive, transmit } from './sockets.ts'
import type { Outcome, Task, Way } from './tasks.ts'

/** The near end of every measurement, a process of its own: opens tunnels through a proxy and does one task after the other. */
const BUFFER_BYTES = 64 * 1024
const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)
/** Of a span that says nothing else. */
const WARM_UP_MS = 1_500
/** A tunnel that does not come about in this time is a failure of the run. */
const OPEN_MS = 90_000
/** Connections opened at once when many are wanted, so that no listen queue overflows. */
const OPEN_AT_ONCE = 64

let idle: Readiness | undefined

process.on('message', (task: Task) => {
  try {
    process.send!(perform(task))
  } catch (error) {
    process.send!({ error: (error as Error).message })
  }
})
process.on('disconnect', () => process.exit())

function perform(task: Task): Outcome {
  if (task.kind === 'bulk') return bulk(task)
  if (task.kind === 'connects') return connects(task)
  if (task.kind === 'turns') return turns(task)
  if (task.kind === 'requests') return requests(task)
  if (task.kind === 'open-idle') return openIdle(task)
  idle?.close()
  idle = undefined
  return { seconds: 0, cpu: 0, count: 0 }
}

/** Calls `step` for the warm-up and then for the span, and measures the span. `count` is a running number. */
function measure(way: Way, ms: number, step: () => void, count: () => number): Outcome {
  for (const until = performance.now() + (way.warmUpMs ?? WARM_UP_MS); performance.now() < until; ) step()
  const [before, cpuBefore, from] = [count(), cpuOfTree(way.watch), performance.now()]
  for (const until = from + ms; performance.now() < until; ) step()
  const seconds = (performance.now() - from) / 1000
  return { seconds, cpu: cpuOfTree(way.watch) - cpuBefore, count: count() - before }
}

/** Opens one tunnel and calls back with its descriptor and role byte sent; further events go to the handler it is then given. */
function open(loop: Readiness, way: Way, role: string, done: (fd: number) => void): void {
  const fd = connectTo(way.port, way.host)
  const steps = handshake(way.door, way.origin, way.originHost)
  let step = -1
  let got = Buffer.alloc(0)
  const next = (): void => {
    step += 1
    const send = step < steps.length ? steps[step]!.send : Buffer.from(role)
    transmit(fd, send, send.length, MSG_NOSIGNAL)
    if (step < steps.length) return
    loop.replace(fd, 0, () => {}) // until the task says what it listens to
    done(fd)
  }
  const read = (): void => {
    const bytes = receive(fd, buffer, BUFFER_BYTES, 0)
    if (bytes < 0 && errno() === EAGAIN) return
    if (bytes <= 0) throw new Error(`the proxy closed the connection at step ${step}`)
    got = Buffer.concat([got, buffer.subarray(0, bytes)])
    if (steps[step]!.answer(got) === 0) return
    got = Buffer.alloc(0)
    next()
  }
  loop.add(fd, EPOLLOUT, () => {
    loop.replace(fd, EPOLLIN, read)
    next()
  })
}

/** `wanted` tunnels, opened a few at a time. */
function openAll(loop: Readiness, way: Way, role: string, wanted: number): number[] {
  const fds: number[] = []
  let started = 0
  const until = performance.now() + OPEN_MS + wanted
  while (fds.length < wanted) {
    for (; started < wanted && started - fds.length < OPEN_AT_ONCE; started += 1)
      open(loop, way, role, (fd) => fds.push(fd))
    loop.turn(100)
    if (performance.now() > until) throw new Error(`only ${fds.length} of ${wanted} tunnels came about in time`)
  }
  return fds
}

function bulk({ way, direction, streams, ms }: Extract<Task, { kind: 'bulk' }>): Outcome {
  const loop = new Readiness()
  let bytes = 0
  for (const fd of openAll(loop, way, direction === 'down' ? 'D' : 'U', streams)) {
    const move = direction === 'down' ? discard : pour
    loop.replace(fd, direction === 'down' ? EPOLLIN : EPOLLOUT, () => {
      const moved = move(fd)
      if (moved > 0) bytes += moved
      else if (moved === 0 || errno() !== EAGAIN) throw new Error('a stream broke off')
    })
  }
  const outcome = measure(
    way,
    ms,
    () => loop.turn(100),
    () => bytes,
  )
  loop.close()
  return outcome
}

function connects({ way, concurrency, ms }: Extract<Task, { kind: 'connects' }>): Outcome {
  const loop = new Readiness()
  let count = 0
  let stopping = false
  const micros: number[] = []
  const one = (): void => {
    const startedAt = performance.now()
    open(loop, way, 'E', (fd) => {
      // Counted when a byte has been there and back: only then does the tunnel stand for sure.
      loop.replace(fd, EPOLLIN, () => {
        receive(fd, buffer, BUFFER_BYTES, 0)
        loop.closeDescriptor(fd)
        count += 1
        micros.push((performance.now() - startedAt) * 1000)
        if (!stopping) one()
      })
    })
  }
  for (let started = 0; started < concurrency; started += 1) one()
  const outcome = measure(
    way,
    ms,
    () => loop.turn(100),
    () => count,
  )
  stopping = true
  for (const until = performance.now() + OPEN_MS; loop.size > 0 && performance.now() < until; ) loop.turn(100)
  loop.close()
  return { ...outcome, micros: micros.slice(-outcome.count).sort((a, b) => a - b) }
}

function turns({ way, ms }: Extract<Task, { kind: 'turns' }>): Outcome {
  const loop = new Readiness()
  const [fd] = openAll(loop, way, 'E', 1) as [number]
  const byte = Buffer.from('E')
  const micros: number[] = []
  let sentAt = performance.now()
  loop.replace(fd, EPOLLIN, () => {
    if (receive(fd, buffer, BUFFER_BYTES, 0) <= 0) throw new Error('the echo broke off')
    const now = performance.now()
    micros.push((now - sentAt) * 1000)
    sentAt = now
    transmit(fd, byte, 1, MSG_NOSIGNAL)
  })
  const outcome = measure(
    way,
    ms,
    () => loop.turn(100),
    () => micros.length,
  )
  loop.close()
  return { ...outcome, micros: micros.slice(-outcome.count).sort((a, b) => a - b) }
}

/**
 * Plain HTTP in absolute-form (origin-form when direct), one request at a time on each of several connections; one that the proxy
 * closes after its answer, as HTTP/1.0 proxies do, is opened again.
 */
function requests({ way, connections, ms }: Extract<Task, { kind: 'requests' }>): Outcome {
  const loop = new Readiness()
  const authority = `127.0.0.1:${way.origin}`
  const place = way.door === 'http' ? `http://${authority}` : ''
  const request = Buffer.from(
    `GET ${place}/ HTTP/1.1\r\nHost: ${authority}\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n`,
  )
  let count = 0
  const connection = (): void => {
    const fd = connectTo(way.port)
    let head = ''
    let left = 0
    let closes = false
    const ask = (): void => {
      transmit(fd, request, request.length, MSG_NOSIGNAL)
    }
    const read = (): void => {
      const bytes = receive(fd, buffer, BUFFER_BYTES, 0)
      if (bytes <= 0 && (left > 0 || head)) throw new Error('a response broke off')
      if (left > 0) left -= bytes
      else if (bytes > 0) {
        head += buffer.toString('latin1', 0, bytes)
        const end = head.indexOf('\r\n\r\n')
        if (end < 0) return
        left = responseBytes(head, end) - head.length
        closes = /^HTTP\/1\.0|^connection: *close/im.test(head.slice(0, end))
        head = ''
      }
      if (left > 0) return
      if (bytes > 0) count += 1
      if (bytes > 0 && !closes) ask()
      else {
        loop.closeDescriptor(fd)
        connection()
      }
    }
    loop.add(fd, EPOLLOUT, () => {
      loop.replace(fd, EPOLLIN, read)
      ask()
    })
  }
  for (let index = 0; index < connections; index += 1) connection()
  const outcome = measure(
    way,
    ms,
    () => loop.turn(100),
    () => count,
  )
  loop.close()
  return outcome
}

/** Length of a whole response, by its head, which ends at `end`. */
function responseBytes(got: string, end: number): number {
  if (!/^HTTP\/1\.[01] 200/.test(got)) throw new Error(`unexpected response: ${got.slice(0, 60)}`)
  return end + 4 + Number(/content-length: *(\d+)/i.exec(got.slice(0, end))?.[1] ?? Number.NaN)
}

function openIdle({ way, tunnels }: Extract<Task, { kind: 'open-idle' }>): Outcome {
  idle = new Readiness()
  return { seconds: 0, cpu: 0, count: openAll(idle, way, 'E', tunnels).length }
}
