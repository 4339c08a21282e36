import type { Socket } from 'node:net'
import t from 'tap'
import { until } from '../../fixtures/until.ts'
import { startRig } from './rig.ts'

const HEAD = 'POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 300000\r\n\r\nx'
const ANSWER = 'HTTP/1.1 413 Too Much\r\nContent-Length: 3\r\n\r\nno!'

/** A write hears of a reset before any read does, and what stands before the reset is there to be read. */
for (const [way, candidate] of [
  ['an origin', { hops: [] }],
  ['a proxy', { hops: [{ kind: 'http', host: 'proxy.test', family: 0, port: 3128 }] }],
] as const) {
  t.test(`${way} that answers early and closes, of which the next write hears`, async (t) => {
    const conns: Socket[] = []
    const wrap = (socket: Socket) => {
      conns.push(socket)
      return socket.pause()
    }
    const rig = await startRig(t, { candidate, wrap })
    rig.origin.onData = () => {}
    const client = rig.client().send(HEAD)
    await rig.origin.gets('\r\n\r\nx')
    const { socket } = await rig.origin.connection()
    socket.write(ANSWER)
    socket.resetAndDestroy()
    conns[0]!.write('x')
    await client.gets(/no!$/)
    t.match(client.received, /^HTTP\/1\.1 413 /)
    await until('the exchange is recorded', () => rig.results.length === 1)
    t.match(rig.results[0], { status: 413, ended: 'finished' })
  })

  t.test(`and half an answer of ${way} stays half of one`, async (t) => {
    for (const answer of ['HTTP/1.1 413 Too Much\r\n\r\nn', 'HTTP/1.1 413 Too Much\r\nContent-Length: 3\r\n\r\nn']) {
      const conns: Socket[] = []
      const wrap = (socket: Socket) => {
        conns.push(socket)
        return socket.pause()
      }
      const rig = await startRig(t, { candidate, wrap })
      rig.origin.onData = () => {}
      const client = rig.client().send(HEAD)
      await rig.origin.gets('\r\n\r\nx')
      const { socket } = await rig.origin.connection()
      socket.write(answer)
      socket.resetAndDestroy()
      conns[0]!.write('x')
      t.match(await client.toEnd().catch(() => client.received), /^(?!.*\r\n0\r\n)/s)
      t.notMatch(client.received, /no!/)
      await until(
        'the exchange is recorded',
        () => rig.results.length === 1 || rig.refused.length === 1 || /502/.test(client.received),
      )
      t.notMatch(rig.results[0], { ended: 'finished' })
    }
  })
}
