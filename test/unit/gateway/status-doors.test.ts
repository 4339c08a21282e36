import t from 'tap'
import { StatusDoors } from '../../../src/gateway/status-doors.ts'
import { createLog } from '../../../src/observe/log.ts'
import { Metrics } from '../../../src/observe/metrics.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'
import { serversThatListen } from '../../fixtures/servers-that-listen.ts'
import { loadText } from '../../fixtures/settings/load-text.ts'

t.test('connections that cannot be taken for want of descriptors are told of, and end nothing', async (t) => {
  const servers = serversThatListen(t)
  const lines: { msg: string; error?: string; alike?: number }[] = []
  const clock = manualClock()
  const metrics = new Metrics(
    () => 0,
    () => 0,
  )
  const log = createLog(
    { level: 'info', format: 'json' },
    { write: (line: string) => void lines.push(JSON.parse(line)) },
  )
  const doors = new StatusDoors(log, metrics, clock)
  const { loaded } = await loadText('status: { listen: "127.0.0.1:0" }')
  await doors.open(loaded!.settings, () => ({}) as never)
  t.teardown(() => doors.close())
  const [server] = servers
  for (let count = 0; count < 3; count += 1) server?.emit('error', new Error('accept EMFILE'))
  t.match(lines, [{ error: 'accept EMFILE', alike: 0 }])
  t.equal(lines.length, 1)
  clock.advance(10_000)
  server?.emit('error', new Error('accept EMFILE'))
  t.match(lines.at(-1), { alike: 2 })
})
