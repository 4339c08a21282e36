import t from 'tap'
import { AlertLog } from '../../../src/pac-engine/alert-log.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'

t.test('a script that says something about each of many decisions does not fill the log', async (t) => {
  const clock = manualClock()
  const lines: string[] = []
  const alerts = new AlertLog({ origin: 'script', clock, log: (_level, line) => lines.push(line) })
  const alertsOf = (count: number) => Array.from({ length: count }, (_, i) => `line ${i}`)
  const said = () => lines.splice(0).filter((line) => line.includes('alert: ')).length
  alerts.tell({ alerts: alertsOf(3), dropped: 0 })
  t.same(lines.splice(0), ['PAC script alert: line 0', 'PAC script alert: line 1', 'PAC script alert: line 2'])
  for (let i = 0; i < 30; i++) alerts.tell({ alerts: alertsOf(20), dropped: 5 })
  t.equal(said(), 45, 'and two lines that say how many more there were')
  clock.advance(1_000)
  alerts.tell({ alerts: alertsOf(20), dropped: 0 })
  t.equal(said(), 10, 'some more each second')
  clock.advance(59_000)
  t.same(
    lines.splice(0),
    [`PAC script: ${600 - 45 + 28 * 5 + 10} more alerts are not shown`],
    'all of them are counted',
  )
  alerts.tell({ alerts: alertsOf(20), dropped: 5 })
  t.equal(lines.splice(0).at(-1), 'PAC script: 5 more alerts are not shown')
  clock.advance(600_000)
  t.same(lines, [])
})
