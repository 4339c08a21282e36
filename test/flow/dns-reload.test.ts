import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import type { Resolver } from '../../src/contracts/resolver.ts'
import { dnsQuery, seen } from '../fixtures/dns-messages.ts'
import { startTestGateway } from '../fixtures/gateway.ts'
import { type UdpPeer, udpPeer } from '../fixtures/udp.ts'
import { until } from '../fixtures/until.ts'
import { unusedPort } from '../fixtures/upstreams/listen.ts'

/** A host whose slow names are answered when the test says so; all others at once. */
function slowHost(): { resolver: Resolver; asked: string[]; release(): void } {
  const asked: string[] = []
  let release = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  return {
    asked,
    release: () => release(),
    resolver: {
      async resolve(name) {
        asked.push(name)
        if (name.startsWith('slow')) await released
        return [{ address: '192.0.2.1', family: 4 }]
      },
    },
  }
}

const dnsAt = (...ports: number[]) => ({
  dns: { listen: ports.map((port) => `127.0.0.1:${port}`) },
  dnsInhibition: 'none',
})

async function gatewayWith(t: Test, resolver: Resolver, settings: object) {
  const gateway = await startTestGateway(t, settings, { resolver })
  const portsNow = () =>
    (gateway.gateway.status().dns?.listen ?? []).map((address) => Number(address.split(':').at(-1)))
  return { ...gateway, portsNow }
}

function ask(client: UdpPeer, port: number, name: string): void {
  client.send(dnsQuery(name, 'A'), { host: '127.0.0.1', port })
}

async function answerTo(client: UdpPeer): Promise<readonly string[]> {
  return seen((await client.next()).data)!.answers
}

/** A door closes a moment after its last answer; a connected socket is told that nobody is there. */
async function closes(t: Test, port: number): Promise<void> {
  const client = await udpPeer(t)
  client.socket.connect(port, '127.0.0.1')
  await once(client.socket, 'connect')
  let said: string | undefined
  client.socket.on('error', (error: NodeJS.ErrnoException) => {
    said = error.code
  })
  await until(`port ${port} closes`, () => {
    if (said === undefined) client.socket.send(dnsQuery('quick.test', 'A'), () => {})
    return said !== undefined
  })
  t.equal(said, 'ECONNREFUSED')
}

async function tcpTo(t: Test, port: number): Promise<{ socket: Socket; heard: () => Buffer }> {
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => void socket.destroy())
  await once(socket, 'connect')
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  return { socket, heard: () => Buffer.concat(chunks) }
}

function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(message.length)
  return Buffer.concat([length, message])
}

t.test('another address: the new one answers first, the old one what it was asked, and then it is gone', async (t) => {
  const host = slowHost()
  const { reload, portsNow } = await gatewayWith(t, host.resolver, dnsAt(0))
  const [old] = portsNow() as [number]
  const client = await udpPeer(t)
  const { socket, heard } = await tcpTo(t, old)
  ask(client, old, 'slow.test')
  socket.write(framed(dnsQuery('slow-tcp.test', 'A')))
  await until('both questions', () => host.asked.length === 2)

  const next = await unusedPort()
  await reload(dnsAt(next))
  t.same(portsNow(), [next])
  ask(client, next, 'quick.test')
  t.same(await answerTo(client), ['A 192.0.2.1'], 'the new one answers while the old one still has questions')
  const late = await udpPeer(t)
  ask(late, old, 'late.test')
  socket.write(framed(dnsQuery('late-tcp.test', 'A')))
  ask(client, next, 'quick2.test')
  await answerTo(client)
  t.notOk(
    host.asked.some((name) => name.startsWith('late')),
    'the old one takes no new questions',
  )

  host.release()
  t.same(await answerTo(client), ['A 192.0.2.1'], 'asked of the old one, by UDP')
  await once(socket, 'end')
  t.same(seen(heard().subarray(2))?.answers, ['A 192.0.2.1'], 'and by TCP, whose connection it then ends')
  await closes(t, old)
  t.same(late.waiting, [])
})

t.test('an address that comes back before it has closed serves on', async (t) => {
  const host = slowHost()
  const first = await unusedPort()
  const { reload, portsNow } = await gatewayWith(t, host.resolver, dnsAt(first))
  const client = await udpPeer(t)
  ask(client, first, 'slow.test')
  await until('the question', () => host.asked.length === 1)
  await reload(dnsAt(await unusedPort()))
  await reload(dnsAt(first))
  t.same(portsNow(), [first])
  ask(client, first, 'quick.test')
  t.same(await answerTo(client), ['A 192.0.2.1'])
  host.release()
  t.same(await answerTo(client), ['A 192.0.2.1'], 'what it was asked before')
  ask(client, first, 'quick.test')
  t.same(await answerTo(client), ['A 192.0.2.1'], 'and it stays')
})

t.test('a reload that is rejected changes nothing, and leaves nothing open', async (t) => {
  const host = slowHost()
  const { reload, portsNow, gateway } = await gatewayWith(t, host.resolver, dnsAt(0))
  const [first] = portsNow() as [number]
  const [free, taken] = [await unusedPort(), (await udpPeer(t)).port]
  const client = await udpPeer(t)
  ask(client, first, 'slow.test')
  await until('the question', () => host.asked.length === 1)
  await t.rejects(reload(dnsAt(free, taken)), { message: /another program is listening there/ })
  t.same(portsNow(), [first])
  t.equal(gateway.status().generation, 1)
  await closes(t, free)
  ask(client, first, 'quick.test')
  t.same(await answerTo(client), ['A 192.0.2.1'])
  host.release()
  t.same(await answerTo(client), ['A 192.0.2.1'])
})

t.test('switched off, and on again; and what does not concern DNS leaves its answers alone', async (t) => {
  const host = slowHost()
  const { reload, portsNow, gateway } = await gatewayWith(t, host.resolver, dnsAt(0))
  const [first] = portsNow() as [number]
  const client = await udpPeer(t)
  ask(client, first, 'quick.test')
  await answerTo(client)
  await reload({ ...dnsAt(0), timeouts: { idle: '20m' } })
  ask(client, first, 'quick.test')
  await answerTo(client)
  t.same(host.asked, ['quick.test'], 'remembered over a reload')
  await reload({})
  t.equal(gateway.status().dns, undefined)
  await closes(t, first)
  await reload(dnsAt(first))
  ask(client, first, 'quick.test')
  t.same(await answerTo(client), ['A 192.0.2.1'])
})
