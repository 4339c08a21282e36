import t from 'tap'
import { ReplySockets } from '../../../src/passthrough/udp/reply-sockets.ts'

const TO = new Uint8Array(16)
const DATA = new Uint8Array(1)

function rig(limit?: number) {
  const log: string[] = []
  let now = 0
  const sockets = new ReplySockets(
    () => now,
    limit,
    (address, port) => {
      if (port === 53) return 'port-taken'
      log.push(`open ${address}:${port}`)
      return { send: () => address !== '192.0.2.9', close: () => void log.push(`close ${address}:${port}`) }
    },
  )
  const send = (address: string, port: number, owner = 'box') => sockets.send(owner, { address, port }, TO, DATA)
  return { log, sockets, send, at: (ms: number) => (now = ms) }
}

t.test('one for each client and far side, kept for the next answer', async (t) => {
  const { log, sockets, send } = rig()
  t.equal(send('192.0.2.1', 443), 'sent')
  t.equal(send('192.0.2.1', 443), 'sent')
  t.equal(send('192.0.2.1', 443, 'another'), 'sent')
  t.equal(send('192.0.2.9', 443), 'unsent')
  t.equal(send('192.0.2.1', 53), 'port-taken')
  t.equal(sockets.size, 3)
  t.same(log.splice(0), ['open 192.0.2.1:443', 'open 192.0.2.1:443', 'open 192.0.2.9:443'])
  sockets.close()
  t.equal(sockets.size, 0)
  t.equal(log.length, 3)
})

t.test('the one unused for longest makes way', async (t) => {
  const { log, send } = rig(2)
  send('192.0.2.1', 1)
  send('192.0.2.2', 1)
  send('192.0.2.1', 1)
  send('192.0.2.3', 1)
  t.equal(log.at(-1), 'close 192.0.2.2:1')
})

t.test('unused for a while: closed, so that a program of this host can have its port', async (t) => {
  const { log, sockets, send, at } = rig()
  send('192.0.2.1', 443)
  send('192.0.2.2', 443)
  at(9_999)
  sockets.sweep()
  send('192.0.2.1', 443)
  t.equal(log.length, 2)
  at(10_000)
  sockets.sweep()
  t.same(log.splice(2), ['close 192.0.2.2:443'])
  at(20_000)
  sockets.sweep()
  t.same(log.splice(2), ['close 192.0.2.1:443'])
  t.equal(sockets.size, 0)
})
