import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import type { Packet } from '../../../src/contracts/packet.ts'
import { UdpDirect } from '../../../src/dialers/udp-direct.ts'
import { RECEIVE_BUFFER } from '../../../src/system/receive-buffer.ts'
import { udpPeer } from '../../fixtures/udp.ts'
import { until } from '../../fixtures/until.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const SMALL = Buffer.alloc(206, 'x')
/** Far more than the system's own buffer holds (170 to 270 small ones on Linux), and less than ours does. */
const BURST = 2_000
/** Far more than ours holds. */
const FLOOD = 20_000
/** Milliseconds: a flood takes a machine that is busy with other things ten seconds. */
const PATIENCE = 60_000

/** A far side that answers a datagram with many: all are sent before the event loop turns, as while it is busy with something else. */
async function answered(t: Test, count: number) {
  const far = await udpPeer(t, '127.0.0.1', (came, peer) => {
    for (let sent = 0; sent < count; sent += 1) peer.send(SMALL, came)
  })
  const direct = new UdpDirect(Math.random)
  t.teardown(() => direct.close())
  const came: Packet[] = []
  direct.onPacket((packet) => void came.push(packet))
  direct.send({ peer: { host: far.host, family: 4, port: far.port }, data: Buffer.from('?') })
  return { direct, came }
}

t.test('a burst of answers while the event loop is busy: all arrive', { skip: whyNot() }, async (t) => {
  const { direct, came } = await answered(t, BURST)
  await until('all answers', () => came.length === BURST, PATIENCE)
  t.equal(direct.lost(), 0)
})

t.test(
  'what is lost is counted, once, also after the end',
  { skip: process.platform === 'linux' ? false : 'only Linux tells' },
  async (t) => {
    const { direct, came } = await answered(t, FLOOD)
    let lost = 0
    await until(
      'answers, or their loss',
      () => {
        lost += direct.lost()
        return came.length + lost === FLOOD
      },
      PATIENCE,
    )
    t.ok(lost > 0, `${lost} of ${FLOOD}`)
    t.equal(direct.lost(), 0)
    direct.close()
    t.equal(direct.lost(), 0)
  },
)

t.test('where there is no way, the system’s own reason is told, each time anew', async (t) => {
  const direct = new UdpDirect(Math.random)
  t.teardown(() => direct.close())
  const told: string[] = []
  direct.onRefused((_, { message }) => void told.push(message))
  // To everybody: refused to a socket that has not asked for it (ip(7)), or there is no route.
  const peer = { host: '255.255.255.255', family: 4, port: 9 } as const
  for (const times of [1, 2]) {
    direct.send({ peer, data: Buffer.from('?') })
    await until(`word of it, ${times}`, () => told.length === times)
  }
  t.match(told, [/cannot be reached|no route/, /cannot be reached|no route/])
  t.notMatch(told.join(), /ERR_/)
})

t.test('another far side is spoken to all the same', async (t) => {
  const far = await udpPeer(t, '127.0.0.1', (came, peer) => peer.send('!', came))
  const direct = new UdpDirect(Math.random)
  t.teardown(() => direct.close())
  const told: string[] = []
  direct.onRefused(({ host }) => void told.push(host))
  const came: Packet[] = []
  direct.onPacket((packet) => void came.push(packet))
  direct.send({ peer: { host: '255.255.255.255', family: 4, port: 9 }, data: Buffer.from('?') })
  direct.send({ peer: { host: far.host, family: 4, port: far.port }, data: Buffer.from('?') })
  await until('the answer, and word of the other', () => came.length === 1 && told.length === 1)
  t.same(told, ['255.255.255.255'])
})

t.test('a machine that does not speak one family of IP: those of the other hear nothing of it', async (t) => {
  const sent: string[] = []
  const direct = new UdpDirect(Math.random, undefined, (family, { onBroken }) => {
    // As UdpSocket tells it.
    if (family === 6) queueMicrotask(() => onBroken(Object.assign(new Error('no'), { code: 'EAFNOSUPPORT' })))
    return { send: (_, { address }) => void sent.push(address), lost: () => 0, networkChanged() {}, close() {} }
  })
  let isClosed = false
  void direct.closed.then(() => {
    isClosed = true
  })
  const told: string[] = []
  direct.onRefused(({ host }, { code }) => void told.push(`${host} ${code}`))
  const send = (host: string, family: 4 | 6) => direct.send({ peer: { host, family, port: 9 }, data: Buffer.from('?') })
  send('127.0.0.1', 4)
  send('::1', 6)
  await until('word of it', () => told.length === 1)
  t.same(told, ['::1 NETWORK_UNREACHABLE'])
  send('127.0.0.1', 4)
  t.same(sent, ['127.0.0.1', '::1', '127.0.0.1'])
  t.equal(isClosed, false)
  direct.close()
})

t.test('another network: by the way of now, from its address and the same port', async (t) => {
  const why = whyNoNamespace()
  if (why) {
    if (process.env['CI'] === 'true') t.fail(why)
    else t.pass(`SKIPPED: ${why}`)
    return
  }
  const program = [process.execPath, '--import=tsx', 'test/fixtures/moving-udp.ts']
  const said = execFileSync('unshare', ['--net', ...program], { cwd: ROOT, encoding: 'utf8', timeout: 60_000 })
  t.strictSame(JSON.parse(said), {
    came: ['at first from 192.0.2.5', 'VPN up from 10.8.0.2', 'VPN down from 192.0.2.5', 'again from 192.0.2.5'],
    refused: [],
    ports: 1,
  })
})

t.test(
  'after a change of the network a far side hears from the same port, and word of a closed one comes',
  async (t) => {
    const far = await udpPeer(t)
    const listeners = new Set<() => void>()
    const direct = new UdpDirect(Math.random, {
      onChange: (listener) => {
        listeners.add(listener)
        return () => void listeners.delete(listener)
      },
    })
    t.teardown(() => direct.close())
    const told: string[] = []
    direct.onRefused((_, { code }) => void told.push(code))
    const send = () => direct.send({ peer: { host: far.host, family: 4, port: far.port }, data: Buffer.from('?') })
    for (const tell of listeners) tell()
    send()
    const { port } = await far.next()
    for (const tell of listeners) tell()
    send()
    t.equal((await far.next()).port, port)
    far.socket.close()
    await until('word that it is closed', () => {
      if (told.length === 0) send()
      return told.length > 0
    })
    t.same(told, ['CONNECT_REFUSED'])
    direct.close()
    t.equal(listeners.size, 0)
  },
)

function whyNoNamespace(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are Linux’s'
  return process.getuid?.() === 0 ? undefined : 'a network namespace needs root'
}

/** Beyond the system's limit a buffer needs CAP_NET_ADMIN. */
function whyNot(): string | false {
  if (process.platform !== 'linux' || process.env.CI || process.getuid?.() === 0) return false
  const limit = Number(readFileSync('/proc/sys/net/core/rmem_max', 'utf8'))
  return limit < RECEIVE_BUFFER && `SKIPPED: net.core.rmem_max is ${limit}, and only root may go beyond it`
}
