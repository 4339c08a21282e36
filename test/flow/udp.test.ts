import { Socket } from 'node:dgram'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { everythingIsLoopback, startTestGateway } from '../fixtures/gateway.ts'
import { type AssociateOptions, associate, type UdpAssociation, udpEcho, udpPeer } from '../fixtures/udp.ts'
import { until } from '../fixtures/until.ts'

async function associated(t: Test, options: AssociateOptions): Promise<UdpAssociation> {
  const association = await associate(t, options)
  if (typeof association === 'number') throw new Error(`reply ${association}`)
  return association
}

t.test('UDP ASSOCIATE: direct', async (t) => {
  const { gateway, port, flowCount } = await startTestGateway(t)
  const echo = await udpEcho(t, 'echo ')
  const one = await associated(t, { port })
  t.equal(one.relay.host, '127.0.0.1', 'the relay is where the door is')
  one.send('hello', '127.0.0.1', echo.port)
  t.same(await one.next(), { peer: { host: '127.0.0.1', family: 4, port: echo.port }, data: 'echo hello' })
  one.send('', '127.0.0.1', echo.port)
  t.equal((await one.next()).data, 'echo ', 'an empty datagram is one')
  t.equal(gateway.status().liveFlows, 1)
  one.control.end()
  const [line] = await flowCount(1)
  t.match(line, {
    protocol: 'socks5-udp',
    decision: 'direct',
    route: 'direct',
    target: `127.0.0.1:${echo.port}`,
    ended: 'finished',
    bytesUp: 5,
    bytesDown: 15,
    packetsUp: 2,
    packetsDown: 2,
  })
  await once(one.control, 'close')
})

t.test(
  'one client socket is seen at one address by all far sides, and hears only those it has spoken to',
  async (t) => {
    const { port } = await startTestGateway(t)
    const [first, second, stranger] = [await udpPeer(t), await udpPeer(t), await udpPeer(t)]
    const one = await associated(t, { port })
    one.send('a', '127.0.0.1', first.port)
    const seenByFirst = await first.next()
    one.send('b', '127.0.0.1', second.port)
    const seenBySecond = await second.next()
    t.equal(seenByFirst.port, seenBySecond.port)
    stranger.send('spoofed', seenByFirst)
    first.send('from the first', seenByFirst)
    second.send('from the second', seenByFirst)
    const replies = [await one.next(), await one.next()].map(({ peer, data }) => `${peer.port === first.port} ${data}`)
    t.same(replies.sort(), ['false from the second', 'true from the first'])
    t.equal(one.client.waiting.length, 0)
  },
)

t.test('a datagram from port 0, which nobody can answer', async (t) => {
  const { port } = await startTestGateway(t)
  const echo = await udpEcho(t)
  const one = await associated(t, { port })
  // Only a raw socket sends such a thing; here it is made of the client's own on its way up.
  let feigned = 0
  const { emit } = Socket.prototype
  t.teardown(() => Object.assign(Socket.prototype, { emit }))
  Object.assign(Socket.prototype, {
    emit(this: Socket, name: string, ...args: [unknown, { port: number }]) {
      const isOurs = name === 'message' && args[1].port === one.client.port && feigned === 0
      if (isOurs) feigned += 1
      return Reflect.apply(emit, this, [name, ...(isOurs ? [args[0], { ...args[1], port: 0 }] : args)])
    },
  })
  one.send('from nowhere', '127.0.0.1', echo.port)
  await until('it has come', () => feigned === 1)
  one.send('hello', '127.0.0.1', echo.port)
  t.equal((await one.next()).data, 'hello', 'the association goes on, and the other went nowhere')
})

t.test('IPv6 and names', async (t) => {
  const { port } = await startTestGateway(t, {}, { resolver: everythingIsLoopback })
  const [six, four] = [await udpEcho(t, '6 ', '::1'), await udpEcho(t, '4 ')]
  const one = await associated(t, { port })
  one.send('x', '::1', six.port)
  t.same(await one.next(), { peer: { host: '::1', family: 6, port: six.port }, data: '6 x' })
  one.send('x', 'echo.example', four.port)
  t.same(await one.next(), { peer: { host: '127.0.0.1', family: 4, port: four.port }, data: '4 x' }, 'the true source')
})

t.test('what is not the client’s is not taken', async (t) => {
  const { port, flowCount } = await startTestGateway(t)
  const echo = await udpEcho(t)
  const intruder = await udpPeer(t)
  const other = await udpPeer(t, '127.0.0.2')
  const encoded = (data: string) =>
    Buffer.concat([Buffer.from('000000017f000001', 'hex'), portBytes(echo.port), Buffer.from(data)])

  await t.test('another address, before the first datagram', async (t) => {
    const one = await associated(t, { port })
    other.send(encoded('other address'), one.relay)
    one.send('mine', '127.0.0.1', echo.port)
    t.equal((await one.next()).data, 'mine')
    intruder.send(encoded('other port'), one.relay)
    one.send('mine again', '127.0.0.1', echo.port)
    t.equal((await one.next()).data, 'mine again')
    t.equal(intruder.waiting.length + other.waiting.length, 0)
  })
  await t.test('another port than the announced', async (t) => {
    const one = await associated(t, { port, announce: 'own-port' })
    intruder.send(encoded('other port'), one.relay)
    one.send('mine', '127.0.0.1', echo.port)
    t.equal((await one.next()).data, 'mine')
    t.equal(intruder.waiting.length, 0)
  })
  await t.test(
    'an announced address that is not the client’s own, as behind a translator, is no restriction',
    async (t) => {
      const one = await associated(t, { port, announce: { host: '10.1.2.3', port: 4 } })
      one.send('mine', '127.0.0.1', echo.port)
      t.equal((await one.next()).data, 'mine')
    },
  )
  await t.test('fragments, and what is no SOCKS datagram', async (t) => {
    const one = await associated(t, { port })
    const fragment = encoded('fragment')
    fragment[2] = 1
    one.client.send(fragment, one.relay)
    one.client.send('rubbish', one.relay)
    one.client.send('', one.relay)
    one.send('whole', '127.0.0.1', echo.port)
    t.equal((await one.next()).data, 'whole')
    t.equal(one.client.waiting.length, 0)
  })
  const carried = (await flowCount(4)).reduce((sum, { packetsUp }) => sum + (packetsUp ?? 0), 0)
  t.equal(carried, 5, 'the client’s own and no other')
})

t.test('an association ends with its control connection, and flows with it', async (t) => {
  const { gateway, port, flowCount } = await startTestGateway(t)
  const far = await udpPeer(t)
  const one = await associated(t, { port })
  one.send('x', '127.0.0.1', far.port)
  const seen = await far.next()
  one.control.resetAndDestroy()
  await flowCount(1)
  far.send('late', seen)
  one.send('late', '127.0.0.1', far.port)
  const two = await associated(t, { port })
  two.send('two', '127.0.0.1', far.port)
  t.equal((await far.next()).data.toString(), 'two')
  t.equal(one.client.waiting.length, 0)
  t.equal(gateway.status().liveFlows, 1)
})

t.test('in another network a flow goes on, from the same port, by a socket that is connected anew', async (t) => {
  const listeners = new Set<() => void>()
  const onChange = (listener: () => void) => {
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }
  const { port, flowCount } = await startTestGateway(t, {}, { networkWatch: { onChange, close() {} } })
  const without = listeners.size
  let disconnected = 0
  const { disconnect } = Socket.prototype
  t.teardown(() => Object.assign(Socket.prototype, { disconnect }))
  Object.assign(Socket.prototype, {
    disconnect(this: Socket) {
      disconnected += 1
      return Reflect.apply(disconnect, this, [])
    },
  })
  const far = await udpPeer(t)
  const one = await associated(t, { port })
  one.send('before', '127.0.0.1', far.port)
  const before = await far.next()
  for (const listener of listeners) listener()
  t.equal(disconnected, 1)
  one.send('after', '127.0.0.1', far.port)
  t.match(await far.next(), { port: before.port })
  far.send('answer', before)
  t.equal((await one.next()).data, 'answer')
  one.control.end()
  t.match(await flowCount(1), [{ packetsUp: 2, packetsDown: 1 }], 'one flow')
  await until('nobody who listens', () => listeners.size === without)
})

t.test('who may not go there by TCP may not by UDP', async (t) => {
  const { port, flowCount, flows } = await startTestGateway(t, { access: { deny: ['192.0.2.0/24'] } })
  const one = await associated(t, { port })
  for (const [host, code] of [
    ['169.254.169.254', 'ACCESS_DENIED'],
    ['metadata.google.internal', 'ACCESS_DENIED'],
    ['192.0.2.1', 'ACCESS_DENIED'],
  ] as const) {
    const before = flows().length
    one.send('x', host, 53)
    t.equal((await flowCount(before + 1)).at(-1)?.error?.code, code, host)
  }
  one.send('x', '127.0.0.1', port)
  t.equal((await flowCount(4)).at(-1)?.error?.code, 'LOOP_DETECTED', 'the gateway’s own port')
})

t.test('a name is judged by what it resolves to', async (t) => {
  const resolver = { resolve: async () => [{ address: '169.254.169.254', family: 4 as const }] }
  const { port, flowCount } = await startTestGateway(t, {}, { resolver })
  const one = await associated(t, { port })
  one.send('x', 'innocent.example', 53)
  const [line] = await flowCount(1)
  t.equal(line?.error?.code, 'ACCESS_DENIED')
})

t.test('policy', async (t) => {
  const echo = await udpEcho(t)
  const rows = [
    { name: 'deny is command not supported', settings: { udp: { host: 'deny' } }, reply: 7 },
    {
      name: 'an HTTP proxy carries none',
      settings: { proxy: { https: 'http://127.0.0.1:9' } },
      rejected: /only SOCKS5/,
    },
    {
      name: 'what is excluded goes direct',
      settings: { proxy: { https: 'http://127.0.0.1:9', exclude: ['127.0.0.1'] } },
    },
    { name: 'direct beats the proxy', settings: { proxy: { https: 'http://127.0.0.1:9' }, udp: { host: 'direct' } } },
    { name: 'everything is refused', settings: { proxy: { mode: 'manual' } }, rejected: /./ },
    {
      name: 'a PAC script decides',
      settings: {
        proxy: { embeddedPac: 'function FindProxyForURL(u, h) { return h === "127.0.0.1" ? "DIRECT" : "PROXY x:1" }' },
      },
    },
    {
      name: 'no stepping over a proxy to DIRECT',
      settings: { proxy: { embeddedPac: 'function FindProxyForURL() { return "PROXY 127.0.0.1:9; DIRECT" }' } },
      rejected: /only SOCKS5/,
    },
  ]
  for (const row of rows) {
    await t.test(row.name, async (t) => {
      const { port, flowCount } = await startTestGateway(t, row.settings)
      const one = await associate(t, { port })
      if (typeof one === 'number') return void t.equal(one, row.reply)
      t.equal(row.reply, undefined)
      one.send('x', '127.0.0.1', echo.port)
      if (!row.rejected) return void t.equal((await one.next()).data, 'x')
      const [line] = await flowCount(1)
      t.match(line?.error, { code: 'POLICY_REJECTED', message: row.rejected })
      t.equal(one.client.waiting.length, 0)
    })
  }
})

t.test('QUIC', async (t) => {
  const refused = { udp: { quic: 'refuse' } }
  const policy = { proxy: { mode: 'manual', exclude: ['*'] } }
  for (const [name, settings, isRefused] of [
    ['no policy', {}, false],
    ['a policy', policy, true],
    ['a policy that allows it', { ...policy, udp: { quic: 'allow' } }, false],
    ['refused by setting', refused, true],
  ] as const) {
    await t.test(name, async (t) => {
      // Nothing is sent anywhere: the resolver knows nothing.
      const resolver = { resolve: () => Promise.reject(new Error('unknown')) }
      const { port, flowCount } = await startTestGateway(t, settings, { resolver })
      const one = await associated(t, { port })
      one.send('initial', 'quic.example', 443)
      const [line] = await flowCount(1)
      t.equal(line?.error?.code === 'POLICY_REJECTED', isRefused, `${line?.error?.message}`)
    })
  }
})

t.test('through a SOCKS5 proxy: another Fairlead', async (t) => {
  const echo = await udpEcho(t, 'echo ')
  const users = { alice: 'secret' }
  const upstream = await startTestGateway(t, { listen: { mixed: '127.0.0.1:0', auth: { users } } })
  const proxy = `socks5://alice:secret@127.0.0.1:${upstream.port}`

  await t.test('one hop, with credentials', async (t) => {
    const { port, gateway } = await startTestGateway(t, { proxy: { https: proxy } }, { resolver: everythingIsLoopback })
    const one = await associated(t, { port })
    one.send('hello', '127.0.0.1', echo.port)
    t.same(await one.next(), { peer: { host: '127.0.0.1', family: 4, port: echo.port }, data: 'echo hello' })
    one.send('named', 'localhost', echo.port)
    t.equal((await one.next()).data, 'echo named', 'the name went to the proxy')
    t.equal(gateway.status().flows[0]?.route, `socks5://127.0.0.1:${upstream.port}`)
    one.control.end()
    await upstream.flowCount(2)
    t.equal(upstream.flows()[0]?.user, 'alice')
  })
  await t.test('two hops: datagrams pass both', async (t) => {
    const before = upstream.flows().length
    const middle = await startTestGateway(t)
    const chain = [`socks5://127.0.0.1:${middle.port}`, proxy]
    const { port } = await startTestGateway(t, { proxy: { https: chain } })
    const one = await associated(t, { port })
    one.send('hello', '127.0.0.1', echo.port)
    t.equal((await one.next()).data, 'echo hello')
    one.control.end()
    const inMiddle = await middle.flowCount(2)
    t.same(
      inMiddle.map(({ protocol }) => protocol).sort(),
      ['socks5', 'socks5-udp'],
      'control connection and datagrams',
    )
    t.ok((await upstream.flowCount(before + 1)).length > before)
  })
  await t.test('a wrong password is told in the log, and nothing goes direct', async (t) => {
    const wrong = `socks5://alice:wrong@127.0.0.1:${upstream.port}`
    const { port, flowCount } = await startTestGateway(t, { proxy: { https: wrong } })
    const one = await associated(t, { port })
    one.send('hello', '127.0.0.1', echo.port)
    const [line] = await flowCount(1)
    t.equal(line?.error?.code, 'PROXY_AUTH_FAILED')
    t.equal(one.client.waiting.length, 0)
  })
  await t.test('a proxy without ASSOCIATE is told as that', async (t) => {
    const deaf = await startTestGateway(t, { udp: { host: 'deny' } })
    const { port, flowCount } = await startTestGateway(t, { udp: { host: `socks5://127.0.0.1:${deaf.port}` } })
    const one = await associated(t, { port })
    one.send('hello', '127.0.0.1', echo.port)
    const [line] = await flowCount(1)
    t.match(line?.error, { code: 'PROXY_REFUSED', said: 'reply 7 (UDP ASSOCIATE not supported)' })
  })
  await t.test('flows end when the proxy ends the association, and the next datagram asks for another', async (t) => {
    const { port, flowCount } = await startTestGateway(t, { proxy: { https: proxy } })
    const one = await associated(t, { port })
    one.send('hello', '127.0.0.1', echo.port)
    await one.next()
    await upstream.reload({ listen: { mixed: '127.0.0.1:0', auth: { users } } })
    const [live] = upstream.gateway.status().flows
    t.ok(live)
    const second = await startTestGateway(t, { listen: { mixed: '127.0.0.1:0', auth: { users } } })
    const cut = await startTestGateway(t, { proxy: { https: `socks5://alice:secret@127.0.0.1:${second.port}` } })
    const two = await associated(t, { port: cut.port })
    two.send('hello', '127.0.0.1', echo.port)
    await two.next()
    await second.gateway.close()
    t.match(await cut.flowCount(1), [{ ended: 'upstream-reset', packetsUp: 1, packetsDown: 1 }])
    one.control.end()
    t.match(await flowCount(1), [{ ended: 'finished' }])
  })
})

t.test('a closed port is noticed', async (t) => {
  const { port, flowCount } = await startTestGateway(t)
  const gone = await udpPeer(t)
  gone.socket.close()
  const one = await associated(t, { port })
  one.send('x', '127.0.0.1', gone.port)
  t.match(await flowCount(1), [{ ended: 'rejected', packetsUp: 1, error: { code: 'CONNECT_REFUSED' } }])
})

t.test('floods are bounded', async (t) => {
  await t.test('far sides of one client', async (t) => {
    const { gateway, port } = await startTestGateway(t)
    const far = await udpPeer(t, '0.0.0.0', () => {})
    const one = await associated(t, { port })
    for (let host = 0; host < 1500; host++) {
      one.send('x', `127.1.${host >> 8}.${host & 255}`, far.port)
      if (host % 50 === 49) await new Promise((resolve) => setImmediate(resolve))
    }
    await until('flows', () => gateway.status().liveFlows >= 512)
    t.equal(gateway.status().liveFlows, 512)
    one.control.end()
    await until('no flows', () => gateway.status().liveFlows === 0)
  })
  await t.test('the control connection', async (t) => {
    const { port } = await startTestGateway(t)
    const echo = await udpEcho(t)
    const one = await associated(t, { port })
    one.control.write(Buffer.alloc(1024 * 1024))
    one.send('x', '127.0.0.1', echo.port)
    t.equal((await one.next()).data, 'x', 'what comes on it is thrown away')
  })
  await t.test('a datagram of the largest size passes', async (t) => {
    const { port } = await startTestGateway(t)
    const echo = await udpEcho(t)
    const one = await associated(t, { port })
    one.send(Buffer.alloc(65_507 - 10, 'x'), '127.0.0.1', echo.port)
    t.equal((await one.next()).data.length, 65_507 - 10)
  })
})

t.test('no ASSOCIATE where the door’s scope denies UDP', async (t) => {
  const { port } = await startTestGateway(t, {
    udp: { containers: 'deny' },
    listen: { mixed: { address: '127.0.0.1:0', scope: 'containers' } },
  })
  t.equal(await associate(t, { port }), 7)
})

function portBytes(port: number): Buffer {
  return Buffer.of(port >> 8, port & 255)
}
