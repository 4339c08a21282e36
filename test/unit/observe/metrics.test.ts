import t from 'tap'
import { Metrics } from '../../../src/observe/metrics.ts'

const none = () => 0

t.test('lines that the log has lost are counted once, however often they are asked for', async (t) => {
  let lost = 0
  const metrics = new Metrics(none, none, () => lost)
  t.match(await metrics.text(), /^fairlead_log_lines_lost_total 0$/m)
  lost = 7
  await metrics.text()
  t.match(await metrics.text(), /^fairlead_log_lines_lost_total 7$/m)
})
