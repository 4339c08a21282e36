import type { Socket } from 'node:net'
import t from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import { createRelay } from '../../../src/relay/create-relay.ts'
import { createPortableRelay } from '../../../src/relay/portable.ts'
import { SOL_SOCKET } from '../../../src/system/linux/socket-numbers.ts'
import { setSocketOption } from '../../../src/system/linux/sockets.ts'
import { burstContract, TUNNELS } from '../../contract/bursts.ts'
import { tunnelOf } from '../../contract/relay.ts'
import { NO_LIMITS } from '../../contract/tunnel.ts'

const SO_SNDBUF = 7
/** Bytes of a send buffer: less than a copy, so that what is copied never fits. */
const SMALL = new Int32Array([8_192])

const narrow = (...sockets: readonly Socket[]) => {
  for (const socket of sockets) {
    const { fd } = (socket as unknown as { _handle: { fd: number } })._handle
    setSocketOption(fd, SOL_SOCKET, SO_SNDBUF, SMALL, SMALL.byteLength)
  }
}

if (process.platform !== 'linux') t.plan(0, 'buffers are made small on Linux only')
else {
  t.test('by stream events', async (t) => {
    const relay = createPortableRelay({ ...NO_LIMITS, clock: systemClock })
    burstContract(t, () => tunnelOf(relay, narrow))
  })

  t.test('in the kernel', async (t) => {
    const relay = createRelay({ ...NO_LIMITS, clock: systemClock, fast: true, fastAfterBytes: 0, threads: 1 })
    await relay.started
    t.teardown(() => relay.close())
    burstContract(t, () => tunnelOf(relay, narrow))
    t.test('those pairs were in the kernel indeed', async (t) => {
      t.equal(relay.fastPairs().ever, TUNNELS)
    })
  })
}
