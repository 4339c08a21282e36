import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import t, { type Test } from 'tap'
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

const EMPTY = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
const { signal } = new AbortController()

/** A request on a connection that one before has left idle. The origin gives these answers in turn; who dials again waits until the dial is given up. */
async function secondRequest(t: Test, answers: readonly string[], dialDeadlineMs?: number) {
  const left = [...answers]
  const origin = createServer((socket) => {
    socket.on('data', () => socket.write(left.shift()!)).on('error', () => {})
  })
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  t.teardown(() => origin.close())
  const counted = { dials: 0 }
  const requests = createRequestDialer({
    walk: createCandidateWalk({ clock: systemClock, ...(dialDeadlineMs === undefined ? {} : { dialDeadlineMs }) }),
    clock: systemClock,
    async dialTarget(_candidate, _query, given): Promise<Conn> {
      counted.dials += 1
      if (counted.dials > 1) {
        return new Promise((_, reject) => given.addEventListener('abort', () => reject(given.reason as Error)))
      }
      const socket = connect({ port: (origin.address() as { port: number }).port, host: '127.0.0.1' })
      await once(socket, 'connect')
      return socket.pause()
    },
    dialLastHop: () => Promise.reject(new Error('there is no hop')),
  })
  t.teardown(() => requests.close())
  const first = (await requests.open(route, query, request, signal)).value
  const over = new Promise<void>((resolve) => {
    first.on('response', (answer) => void answer.on('end', resolve))
  })
  first.end()
  await over
  const second = (await requests.open(route, query, request, signal)).value
  return { second, counted }
}

t.test('a request sent again on a new connection has the limits of any dial', async (t) => {
  const { second, counted } = await secondRequest(t, [EMPTY], 1_000)
  t.equal(counted.dials, 1, 'on the connection that waits')
  await t.rejects(second.again!(signal), { code: 'CONNECT_TIMEOUT' })
  t.equal(counted.dials, 2)
  second.destroy()
})

t.test('a connection of before who may reach what has changed is not used again', async (t) => {
  const origin = createServer((socket) => {
    socket.on('data', () => socket.write(EMPTY)).on('error', () => {})
  })
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  t.teardown(() => origin.close())
  let verdicts = 0
  let dials = 0
  const requests = createRequestDialer({
    walk: createCandidateWalk({ clock: systemClock }),
    clock: systemClock,
    verdicts: () => verdicts,
    async dialTarget(): Promise<Conn> {
      dials += 1
      const socket = connect({ port: (origin.address() as { port: number }).port, host: '127.0.0.1' })
      await once(socket, 'connect')
      return socket.pause()
    },
    dialLastHop: () => Promise.reject(new Error('there is no hop')),
  })
  t.teardown(() => requests.close())
  const client = { address: '172.18.0.2', port: 1, local: false }
  const open = async () => (await requests.open(route, { ...query, client }, request, signal)).value
  const first = await open()
  const over = new Promise<void>((resolve) => {
    first.on('response', (answer) => void answer.on('end', resolve))
  })
  verdicts += 1
  first.end()
  await over
  const second = await open()
  t.equal(dials, 2, 'nor one that was in use then')
  second.destroy()
})

t.test('what the origin has answered badly is not asked again', async (t) => {
  const bad = 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'
  const { second } = await secondRequest(t, [EMPTY, bad])
  t.type(second.again, 'function', 'it could be, had the connection died')
  const failed = new Promise((resolve) => second.on('error', resolve))
  second.end()
  t.match(await failed, { message: /Content-Length/ })
  t.equal(second.again, undefined)
})
