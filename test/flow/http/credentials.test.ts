import type { Socket } from 'node:net'
import t from 'tap'
import { until } from '../../fixtures/until.ts'
import { startRig } from './rig.ts'

const auth = { verify: (username: string, password: string) => username === 'älice' && password === 's:cret' }
const GOOD = `Proxy-Authorization: Basic ${Buffer.from('älice:s:cret').toString('base64')}\r\n`
const CHALLENGE = /\r\nProxy-Authenticate: Basic realm="Fairlead", charset="UTF-8"\r\n/
const get = (fields = '') => `GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n`
const connect = (fields = '') => `CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n${fields}\r\n`

const REFUSED: ReadonlyArray<readonly [what: string, fields: string]> = [
  ['none', ''],
  ['a wrong password', `Proxy-Authorization: Basic ${Buffer.from('älice:x').toString('base64')}\r\n`],
  ['another scheme', 'Proxy-Authorization: Bearer abc\r\n'],
  ['no Base64', 'Proxy-Authorization: Basic ***\r\n'],
  ['two fields', GOOD + GOOD],
  ['meant for the origin', GOOD.replace('Proxy-', '')],
]

t.test(
  'the connection of a CONNECT that waited for its turn is not kept for a client that has sent FIN meanwhile',
  async (t) => {
    const rig = await startRig(t, { auth })
    let held: Socket | undefined
    rig.origin.onData = ({ socket }) => {
      held = socket
    }
    const client = rig.client()
    client.socket.end(get(GOOD) + connect())
    await until('the request is under way, and the FIN read', () => held !== undefined && rig.taken[0]!.readableEnded)
    held?.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    t.match(await client.toEnd(), /okHTTP\/1\.1 407 [\s\S]*Connection: close\r\n[\s\S]*AUTH_REQUIRED\n$/)
  },
)

t.test('a client without the right credentials gets a 407 and may try again on the same connection', async (t) => {
  for (const [what, fields] of REFUSED) {
    const rig = await startRig(t, { auth })
    const client = rig.client().send(get(fields))
    const first = await client.gets(/code: {3}AUTH_REQUIRED\n/)
    t.match(first, /^HTTP\/1\.1 407 Proxy Authentication Required\r\n/, what)
    t.match(first, CHALLENGE, what)
    t.match(first, /\r\nConnection: keep-alive\r\n/, what)
    client.send(connect(fields))
    t.match(
      await client.gets(/AUTH_REQUIRED\n[\s\S]*HTTP\/1\.1 407 [\s\S]*AUTH_REQUIRED\n/),
      CHALLENGE,
      `${what}: CONNECT`,
    )
    t.equal(rig.flows.length, 0)
    client.send(get(GOOD))
    await client.gets(/HTTP\/1\.1 200 OK[\s\S]*ok/)
    client.send(connect(GOOD))
    await client.gets('200 Connection established')
    t.match(rig.flows, [{ client: { user: 'älice' } }, { client: { user: 'älice' } }], what)
    t.notMatch(rig.origin.bytes, /Proxy-Authorization/i, `${what}: never sent on`)
    rig.close()
  }
})

t.test(
  'what comes together with a CONNECT that is refused was for the tunnel: it is never read as a request',
  async (t) => {
    const rig = await startRig(t, { auth })
    const answer = await rig.talk(connect() + get(GOOD))
    t.match(answer, /^HTTP\/1\.1 407 [\s\S]*\r\nConnection: close\r\n[\s\S]*AUTH_REQUIRED\n$/)
    t.equal(answer.split('HTTP/1.1 ').length, 2, 'one answer')
    t.equal(rig.flows.length, 0)
  },
)

t.test(
  'the body of a refused request is read when it is small, and the connection closed when it is not',
  async (t) => {
    const rig = await startRig(t, { auth, limits: { drainBytes: 1000 } })
    const post = (length: number) => `POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${length}\r\n\r\n`
    const client = rig.client().send(post(1000))
    await client.gets('AUTH_REQUIRED')
    client.send('x'.repeat(1000) + get(GOOD))
    await client.gets('200 OK')
    t.match(await rig.talk(post(1001)), /^HTTP\/1\.1 407 [\s\S]*\r\nConnection: close\r\n/)
    const chunked = rig
      .client()
      .send('POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n')
    await chunked.gets('AUTH_REQUIRED')
    chunked.send(`${(1001).toString(16)}\r\n${'x'.repeat(1001)}\r\n`)
    await chunked.toEnd()
    const expecting = await rig.talk(post(10).replace('\r\n\r\n', '\r\nExpect: 100-continue\r\n\r\n'))
    t.match(expecting, /^HTTP\/1\.1 407 [\s\S]*\r\nConnection: close\r\n/)
  },
)

t.test('an origin that authenticates connections has one for each user of the same client connection', async (t) => {
  const rig = await startRig(t, { auth: { verify: () => true } })
  rig.origin.onData = (connection) => {
    const who = connection.bytes.includes('Authorization: NTLM') ? 'known' : 'nobody'
    if (connection.bytes.endsWith('\r\n\r\n'))
      connection.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${who.length}\r\n\r\n${who}`)
  }
  const client = rig.client()
  const answers: string[] = []
  const ask = async (user: string, more = '') => {
    const from = client.received.length
    client.send(get(`Proxy-Authorization: Basic ${Buffer.from(`${user}:x`).toString('base64')}\r\n${more}`))
    await until('the answer is there', () => /\r\n\r\n(known|nobody)$/.test(client.received.slice(from)))
    answers.push(`${user} is ${/\w+$/.exec(client.received)?.[0]}`)
  }
  await ask('alice', 'Authorization: NTLM abc\r\n')
  await ask('bob')
  await ask('alice')
  t.same(answers, ['alice is known', 'bob is nobody', 'alice is known'])
})
