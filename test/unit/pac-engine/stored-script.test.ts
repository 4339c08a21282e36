import { execFileSync } from 'node:child_process'
import { readdirSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { scriptOf } from '../../../src/pac-engine/script-source.ts'
import { StoredScript } from '../../../src/pac-engine/stored-script.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'

const DAY_MS = 24 * 3_600_000
const SCRIPT = 'function FindProxyForURL() { return "DIRECT" }'

t.test('what stands in its place and is none is neither waited for nor read', async (t) => {
  const directory = t.testdir({})
  const clock = manualClock(DAY_MS)
  const stored = new StoredScript(directory, 'http://wpad.test/a', clock)
  t.equal(await stored.read(), undefined)
  await stored.write(scriptOf(SCRIPT, clock.monotonic()))
  const file = join(directory, readdirSync(directory)[0]!)
  t.match(await stored.read(), { script: { text: SCRIPT }, ahead: false })
  truncateSync(file, 500_000_000)
  t.equal(await stored.read(), undefined, 'far too large')
  rmSync(file)
  if (process.platform === 'win32') return
  execFileSync('mkfifo', [file])
  t.equal(await stored.read(), undefined, 'a pipe into which nobody writes')
  await stored.write(scriptOf(SCRIPT, clock.monotonic()))
  t.match(await stored.read(), { script: { text: SCRIPT } }, 'replaced')
})

t.test('versions that are too old for any settings do not stay for ever', async (t) => {
  const directory = t.testdir({})
  const clock = manualClock(100 * DAY_MS)
  const stored = new StoredScript(directory, 'http://wpad.test/a', clock)
  const left = (name: string, days: number) => {
    writeFileSync(join(directory, name), '{}')
    utimesSync(join(directory, name), (clock.wall() - days * DAY_MS) / 1000, (clock.wall() - days * DAY_MS) / 1000)
    return name
  }
  const [recent, other] = [left(`pac-${'a'.repeat(32)}.json`, 29), left('other.json', 99)]
  left(`pac-${'b'.repeat(32)}.json`, 31)
  left(`pac-${'c'.repeat(32)}.json.7.1.new`, 31)
  await stored.write(scriptOf(SCRIPT, clock.monotonic()))
  const names = readdirSync(directory)
  t.equal(names.length, 3)
  t.ok(names.includes(recent) && names.includes(other))
  t.match(await stored.read(), { script: { text: SCRIPT } }, 'its own, whatever its clock says')
})
