import t from 'tap'
import { until } from '../../fixtures/until.ts'
import { startRig } from './rig.ts'

/** The ways whose requests are written differently: our own client to an origin, Node's to an HTTP proxy. */
const WAYS = [
  ['direct', {}],
  ['by an HTTP proxy', { candidate: { hops: [{ kind: 'http', host: 'squid.test', family: 0, port: 3128 }] } }],
] as const

const POST = 'POST http://origin.test/ HTTP/1.1\r\nHost: origin.test\r\n'
const SIZED = `${POST}Content-Length: 5\r\n\r\n`
const CHUNKED = `${POST}Transfer-Encoding: chunked\r\n\r\n`
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

for (const [way, options] of WAYS) {
  t.test(`${way}: a client that waits for the answer before it sends its body gets it`, async (t) => {
    for (const head of [SIZED, CHUNKED]) {
      const rig = await startRig(t, options)
      rig.origin.answers('HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno')
      const client = rig.client().send(head)
      t.match(await client.gets('no'), /^HTTP\/1\.1 401 No\r\n[\s\S]*\r\n\r\nno$/)
      client.close()
      await until('the exchange is over', () => rig.results.length === 1)
      t.match(rig.results[0], { status: 401, bytesUp: 0, ended: 'finished' })
      rig.close()
    }
  })

  t.test(`${way}: the body goes on behind an answer that has begun before it`, async (t) => {
    const rig = await startRig(t, options)
    rig.origin.onData = ({ socket, bytes }) => {
      if (bytes.endsWith('\r\n\r\n') && !bytes.includes('hello')) {
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nask\r\n')
      }
      if (bytes.endsWith('\r\n0\r\n\r\n')) socket.write('4\r\nback\r\n0\r\n\r\n')
    }
    const client = rig.client().send(CHUNKED)
    await client.gets('ask')
    client.send('5\r\nhello\r\n0\r\n\r\n')
    t.match(await client.gets('\r\n0\r\n\r\n'), /ask\r\n4\r\nback\r\n0\r\n\r\n$/)
    t.match(rig.origin.bytes, /\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/)
  })

  t.test(`${way}: a head that goes alone keeps its bytes above ASCII`, async (t) => {
    for (const expect of ['', 'Expect: 100-continue\r\n']) {
      const rig = await startRig(t, options)
      rig.origin.answers(OK)
      await rig.client().send(`${POST}${expect}X: caf\xe9\r\nContent-Length: 5\r\n\r\n`).gets('ok')
      t.match(rig.origin.bytes, '\r\nX: caf\xe9\r\n')
      rig.close()
    }
  })

  t.test(
    `${way}: a head and a body that come together leave together, on a new connection and on one of before`,
    async (t) => {
      const rig = await startRig(t, options)
      /** Of each read: what was sent at once is never read in two. */
      const isWhole: boolean[] = []
      rig.origin.onData = ({ socket, bytes }) => {
        isWhole.push(bytes.endsWith('\r\n\r\nhello'))
        if (isWhole.at(-1)) socket.write(OK)
      }
      const client = rig.client().send(`${SIZED}hello`)
      await client.gets('ok')
      client.send(`${SIZED}hello`)
      await client.gets(/ok[\s\S]*ok$/)
      t.equal(rig.origin.connections.length, 1)
      t.same(isWhole, [true, true])
    },
  )
}
