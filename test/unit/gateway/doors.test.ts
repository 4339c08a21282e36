import { connect } from 'node:net'
import t from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import { Doors } from '../../../src/gateway/doors.ts'
import { until } from '../../fixtures/until.ts'
import { unusedPort } from '../../fixtures/upstreams/listen.ts'

t.test('who has come to a door that is given up again goes with the others', async (t) => {
  let taken = 0
  const doors = new Doors({
    clock: systemClock,
    limits: () => ({ maxConnections: 10, firstByteMs: 60_000, handshakeMs: 60_000, httpVersion: '' }),
    nextId: () => '',
    handleFlow: async () => {},
    handleRequest: async () => {},
    refused() {},
    createHttpDoor: () => ({
      take: () => void taken++,
      connections: 0,
      drain() {},
      giveUp() {},
      breakOff() {},
    }),
  })
  const address = { kind: 'tcp', host: '127.0.0.1', port: await unusedPort() } as const
  const ready = await doors.prepare([{ address, scope: 'host', carriesPackets: false, from: [], admits: () => true }])
  const client = connect(address.port, address.host)
  t.teardown(() => void client.destroy())
  client.on('error', () => {}).write('GET ')
  const ended = new Promise((resolve) => client.once('close', resolve).resume())
  await until('the door has it', () => taken === 1)
  ready.abandon()
  t.equal(doors.connections, 1)
  doors.destroy()
  await ended
  t.equal(doors.connections, 0)
})
