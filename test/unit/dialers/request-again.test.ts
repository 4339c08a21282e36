import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import t from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import type { Conn } from '../../../src/contracts/conn.ts'
import type { Route, RouteQuery } from '../../../src/contracts/route.ts'
import { createRequestDialer } from '../../../src/dialers/request/create-request-dialer.ts'
import { createCandidateWalk } from '../../../src/dialers/walk.ts'
import { targetFromHost } from '../../../src/wire/target.ts'

const route: Route = {
  decision: 'direct',
  candidates: [{ hops: [] }],
  because: { source: 'default', detail: 'test' },
  generation: 1,
}
const query: RouteQuery = {
  target: targetFromHost('origin.test', 80),
  scheme: 'http',
  scope: 'host',
  client: { address: '127.0.0.1', port: 1, local: true },
}
const request = { method: 'GET', path: '/', rawHeaders: ['Host', 'origin.test'] }

t.test('a request sent again on a new connection has the limits of any dial', async (t) => {
  const origin = createServer((socket) => {
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')).on('error', () => {})
  })
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  t.teardown(() => origin.close())
  let dials = 0
  const requests = createRequestDialer({
    walk: createCandidateWalk({ clock: systemClock, dialDeadlineMs: 50 }),
    clock: systemClock,
    async dialTarget(_candidate, _query, given): Promise<Conn> {
      dials += 1
      // Nobody answers any more.
      if (dials > 1) {
        return new Promise((_, reject) => given.addEventListener('abort', () => reject(given.reason as Error)))
      }
      const socket = connect({ port: (origin.address() as { port: number }).port, host: '127.0.0.1' })
      await once(socket, 'connect')
      return socket.pause()
    },
    dialLastHop: () => Promise.reject(new Error('there is no hop')),
  })
  t.teardown(() => requests.close())
  const { signal } = new AbortController()

  const first = (await requests.open(route, query, request, signal)).value
  const over = new Promise<void>((resolve) => {
    first.on('response', (answer) => void answer.on('end', resolve))
  })
  first.end()
  await over
  const second = (await requests.open(route, query, request, signal)).value
  t.equal(dials, 1, 'on the connection that waits')
  await t.rejects(second.again!(signal), { code: 'CONNECT_TIMEOUT' })
  t.equal(dials, 2)
  second.destroy()
})

t.test('what the origin has answered badly is not asked again', async (t) => {
  const answers = [
    'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
  ]
  const origin = createServer((socket) => {
    socket.on('data', () => socket.write(answers.shift()!)).on('error', () => {})
  })
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  t.teardown(() => origin.close())
  const requests = createRequestDialer({
    walk: createCandidateWalk({ clock: systemClock }),
    clock: systemClock,
    async dialTarget(): Promise<Conn> {
      const socket = connect({ port: (origin.address() as { port: number }).port, host: '127.0.0.1' })
      await once(socket, 'connect')
      return socket.pause()
    },
    dialLastHop: () => Promise.reject(new Error('there is no hop')),
  })
  t.teardown(() => requests.close())
  const { signal } = new AbortController()
  const first = (await requests.open(route, query, request, signal)).value
  const over = new Promise<void>((resolve) => {
    first.on('response', (answer) => void answer.on('end', resolve))
  })
  first.end()
  await over
  const second = (await requests.open(route, query, request, signal)).value
  t.type(second.again, 'function', 'it could be, had the connection died')
  const failed = new Promise((resolve) => second.on('error', resolve))
  second.end()
  t.match(await failed, { message: /Content-Length/ })
  t.equal(second.again, undefined)
})
