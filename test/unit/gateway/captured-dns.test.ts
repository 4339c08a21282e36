import { once } from 'node:events'
import net from 'node:net'
import t, { type Test } from 'tap'
import type { Packet } from '../../../src/contracts/packet.ts'
import type { DnsClient } from '../../../src/dns/answerer.ts'
import { answerConnections, answerDatagrams, specialFor, takesDns } from '../../../src/gateway/captured-dns.ts'
import { targetFromHost } from '../../../src/wire/target.ts'
import { loadText } from '../../fixtures/settings/load-text.ts'
import { until } from '../../fixtures/until.ts'

/** What a container may have asked: two servers that it believes to be asking. */
const GOOGLE = targetFromHost('8.8.8.8', 53)
const QUAD9 = targetFromHost('2620:fe::fe', 53)

t.test('taken only while capture and DNS are both on', async (t) => {
  const dns = 'dns: { listen: { address: "172.17.0.1:53", from: 172.17.0.0/16 } }'
  for (const [text, takes] of [
    ['', false],
    ['capture: { enabled: true }', false],
    [dns, false],
    [`capture: { enabled: true }\n${dns}`, true],
    [`capture: { enabled: false }\n${dns}`, false],
  ] as const) {
    t.equal(takesDns((await loadText(text)).loaded!.settings), takes, text)
  }
  t.same(specialFor({ 4: 1000, 6: 1001 }, { 4: 2000 }), [
    { proto: 'udp', port: 53, to: { 4: 1000, 6: 1001 } },
    { proto: 'tcp', port: 53, to: { 4: 2000 } },
  ])
})

t.test('each answer comes from the server that was asked, whichever of them is the quicker', async (t) => {
  const answers = new Map<string, (reply: Buffer | undefined) => void>()
  const asked: DnsClient[] = []
  const open = answerDatagrams((query, client) => {
    asked.push(client)
    return new Promise((resolve) => answers.set(String(query), resolve))
  })
  const came: Packet[] = []
  const session = open(clientAt('172.17.0.2', (packet) => came.push(packet)))!
  session.send({ peer: GOOGLE, data: Buffer.from('slow') })
  session.send({ peer: QUAD9, data: Buffer.from('quick') })
  session.send({ peer: QUAD9, data: Buffer.from('rubbish') })
  t.equal(session.flows, 3, 'a client that waits is not swept away')
  answers.get('quick')!(Buffer.from('quick answer'))
  answers.get('rubbish')!(undefined)
  answers.get('slow')!(Buffer.from('slow answer'))
  await until('all', () => session.flows === 0)
  t.same(
    came.map(({ peer, data }) => [peer.host, String(data)]),
    [
      ['2620:fe::fe', 'quick answer'],
      ['8.8.8.8', 'slow answer'],
    ],
  )
  t.same(asked[0], { address: '172.17.0.2', transport: 'udp' })

  session.send({ peer: GOOGLE, data: Buffer.from('late') })
  session.close()
  answers.get('late')!(Buffer.from('late answer'))
  await until('the late one', () => session.flows === 0)
  t.equal(came.length, 2, 'a client that has gone is told nothing')
})

t.test('client sockets are limited, and give their places back once', async (t) => {
  const open = answerDatagrams(async (query) => query, 2)
  const [one, two] = [open(clientAt('172.17.0.2')), open(clientAt('172.17.0.3'))]
  t.ok(one && two)
  t.equal(open(clientAt('172.17.0.4')), undefined)
  one!.close()
  one!.close()
  t.ok(open(clientAt('172.17.0.4')))
  t.equal(open(clientAt('172.17.0.5')), undefined, 'one place, though it was closed twice')
  t.equal(open({ ...clientAt('x'), client: { local: false } }), undefined, 'nobody to answer')
})

t.test('TCP: 32 connections of one client, and a closed one makes room', async (t) => {
  const asked: DnsClient[] = []
  const port = await serve(
    t,
    answerConnections(async (query, client) => {
      asked.push(client)
      return query
    }),
  )
  const sockets = []
  for (let count = 0; count < 32; count++) sockets.push(await dial(t, port))
  const refused = await dial(t, port)
  await once(refused, 'close')
  t.equal(await echoed(sockets[0]!), 'question')
  t.same(asked, [{ address: '127.0.0.1', transport: 'tcp' }])
  sockets[1]!.end()
  await once(sockets[1]!, 'close')
  let again = await dial(t, port)
  // Its server side may be a moment behind.
  while (again.destroyed || (await echoed(again)) === undefined) again = await dial(t, port)
  t.pass('room for another')
})

function clientAt(address: string, receive: (packet: Packet) => void = () => {}) {
  return {
    door: 'capture',
    protocol: 'udp',
    scope: 'containers' as const,
    client: { address, local: false },
    receive,
    refused: () => {},
  }
}

async function serve(t: Test, connected: (socket: net.Socket) => void): Promise<number> {
  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    t.teardown(() => socket.destroy())
    connected(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as net.AddressInfo).port
}

async function dial(t: Test, port: number): Promise<net.Socket> {
  const socket = net.connect(port, '127.0.0.1')
  socket.on('error', () => {})
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** Undefined: it was closed instead. */
async function echoed(socket: net.Socket): Promise<string | undefined> {
  socket.write('\0\u0008question')
  const [chunk] = (await Promise.race([once(socket, 'data'), once(socket, 'close').then(() => [])])) as [Buffer?]
  return chunk && String(chunk.subarray(2))
}
