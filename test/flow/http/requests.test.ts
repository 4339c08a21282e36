import t from 'tap'
import { until } from '../../fixtures/until.ts'
import { startRig } from './rig.ts'

const GET = (path = '/', fields = '') => `GET http://origin.test${path} HTTP/1.1\r\nHost: origin.test\r\n${fields}\r\n`

t.test('a GET in absolute-form goes out in origin-form, with Via, without what was for the proxy', async (t) => {
  const rig = await startRig(t)
  const client = rig.client()
  client.send(
    'GET http://Origin.test:80/a?b=c%20d HTTP/1.1\r\nhoST: origin.TEST\r\nX-Custom: Kept\r\nAccept: */*\r\n' +
      'Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic eDp5\r\nConnection: keep-alive, X-Hop\r\nX-Hop: gone\r\nKeep-Alive: timeout=3\r\n\r\n',
  )
  const answer = await client.gets('ok')
  t.equal(
    rig.origin.bytes,
    'GET /a?b=c%20d HTTP/1.1\r\nhoST: origin.test\r\nX-Custom: Kept\r\nAccept: */*\r\nVia: 1.1 fairlead-test\r\nConnection: keep-alive\r\n\r\n',
  )
  t.match(answer, /^HTTP\/1\.1 200 OK\r\nContent-Length: 2\r\nVia: 1\.1 fairlead-test\r\nConnection: keep-alive\r\n/)
  t.notMatch(answer, /Date|Server/)
  await until('the exchange is recorded', () => rig.results.length === 1)
  t.match(rig.results[0], { status: 200, bytesUp: 0, bytesDown: 2, ended: 'finished' })
})

t.test('keep-alive: two requests of one client share one connection to the origin', async (t) => {
  const rig = await startRig(t)
  const client = rig.client()
  client.send(GET('/1'))
  await client.gets('ok')
  client.send(GET('/2'))
  await client.gets(/ok[\s\S]*ok/)
  t.equal(rig.origin.connections.length, 1)
  t.same(rig.dials, ['target origin.test:80'])
})

t.test('pipelined requests are sent one after the other and answered in order', async (t) => {
  const rig = await startRig(t)
  const client = rig.client()
  client.send(GET('/1') + GET('/2') + GET('/3'))
  await client.gets(/ok[\s\S]*ok[\s\S]*ok/)
  t.match(rig.origin.bytes, /GET \/1 [\s\S]*GET \/2 [\s\S]*GET \/3 /)
  t.equal(rig.origin.connections.length, 1)
})
