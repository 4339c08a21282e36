import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadSettings } from '../../../src/settings/load.ts'
import { SettingsError } from '../../../src/settings/problem.ts'
import { type Change, watchSettings } from '../../../src/settings/watch.ts'
import { manualClock } from '../../fixtures/settings/manual-clock.ts'
import { until } from '../../fixtures/until.ts'

/** A watch over `fairlead.yaml` in a folder, and the changes it has told of, as short texts. */
async function watched(t: Test, folder: string, file?: string) {
  const clock = manualClock()
  const load = { cwd: folder, env: {}, platform: 'linux' as const, ...(file === undefined ? {} : { file }) }
  const changes: Change[] = []
  const watch = watchSettings({
    load,
    clock,
    current: await loadSettings(load),
    onChange: (change) => changes.push(change),
  })
  t.teardown(() => watch.close())
  return {
    clock,
    watch,
    changes,
    /** One look at the files. */
    async look() {
      clock.step()
      await until('the look has ended', () => clock.waiting.length > 0)
    },
    told: () => changes.splice(0).map(brief),
  }
}

function brief({ loaded, error }: Change): string {
  if (loaded) return loaded.settings.log.level
  return error instanceof SettingsError ? `error ${error.problems[0]?.message}` : String(error)
}

const level = (name: string) => `log: { level: ${name} }\n`

t.test('nothing changes, nothing is told', async (t) => {
  const folder = t.testdir({ 'fairlead.yaml': level('info') })
  const { look, told, clock } = await watched(t, folder)
  for (let i = 0; i < 5; i++) await look()
  t.strictSame(told(), [])
  t.strictSame(clock.waiting, [1000])
})

const changes: Readonly<Record<string, (folder: string) => void>> = {
  'written in place': (folder) => writeFileSync(join(folder, 'fairlead.yaml'), level('warn')),
  'replaced by a rename, as editors do': (folder) => {
    writeFileSync(join(folder, 'fairlead.yaml~'), level('warn'))
    renameSync(join(folder, 'fairlead.yaml~'), join(folder, 'fairlead.yaml'))
  },
  'removed and made again': (folder) => {
    unlinkSync(join(folder, 'fairlead.yaml'))
    writeFileSync(join(folder, 'fairlead.yaml'), level('warn'))
  },
}
for (const [name, change] of Object.entries(changes)) {
  t.test(`a file ${name}`, async (t) => {
    const folder = t.testdir({ 'fairlead.yaml': level('info') })
    const { look, told, clock } = await watched(t, folder)
    change(folder)
    await look()
    t.strictSame(told(), [], 'seen, but it may not be the last change')
    t.strictSame(clock.waiting, [250])
    await look()
    t.strictSame(told(), ['warn'])
    await look()
    t.strictSame(told(), [], 'told once')
  })
}

t.test('a file that keeps changing is read when it has come to rest', async (t) => {
  const folder = t.testdir({ 'fairlead.yaml': level('info') })
  const { look, told } = await watched(t, folder)
  for (let i = 0; i < 5; i++) {
    writeFileSync(join(folder, 'fairlead.yaml'), `${level('warn')}${'#'.repeat(i)}\n`)
    await look()
    t.strictSame(told(), [])
  }
  await look()
  t.strictSame(told(), ['warn'])
})

t.test('a bad file is told as an error, and mending it as settings', async (t) => {
  const folder = t.testdir({ 'fairlead.yaml': level('info') })
  const { look, told } = await watched(t, folder)
  writeFileSync(join(folder, 'fairlead.yaml'), level('loud'))
  await look()
  await look()
  t.strictSame(told(), ['error "loud" is not known here'])
  await look()
  t.strictSame(told(), [], 'once')
  writeFileSync(join(folder, 'fairlead.yaml'), level('debug'))
  await look()
  await look()
  t.strictSame(told(), ['debug'])
})

t.test('Kubernetes: everything hangs on a link that is swapped', async (t) => {
  const folder = t.testdir({ one: { 'fairlead.yaml': level('info') }, two: { 'fairlead.yaml': level('warn') } })
  symlinkSync('one', join(folder, '..data'))
  symlinkSync('..data/fairlead.yaml', join(folder, 'fairlead.yaml'))
  const { look, told } = await watched(t, folder)
  symlinkSync('two', join(folder, '..data_tmp'))
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
  rmSync(join(folder, 'one'), { recursive: true })
  await look()
  await look()
  t.strictSame(told(), ['warn'])
})

t.test('files that the settings refer to are watched too', async (t) => {
  const folder = t.testdir({
    'fairlead.yaml': 'proxy: { pac: a.pac, mode: manual }\nlisten: { auth: { users: { a: "file:pw" } } }',
    'a.pac': 'function FindProxyForURL() { return "DIRECT" }',
    pw: 'one',
  })
  const { look, told, changes } = await watched(t, folder)
  writeFileSync(join(folder, 'pw'), 'second')
  await look()
  await look()
  t.equal(changes[0]?.loaded?.settings.listen.mixed[0]?.users?.['a']?.reveal(), 'second')
  t.equal(told().length, 1)
  writeFileSync(join(folder, 'a.pac'), 'function FindProxyForURL() { return "PROXY a:1" }')
  await look()
  await look()
  t.strictSame(told(), ['info'])
  unlinkSync(join(folder, 'a.pac'))
  await look()
  await look()
  t.match(told(), [/^error cannot read .*a\.pac: there is no such file/])
  writeFileSync(join(folder, 'a.pac'), 'function FindProxyForURL() { return "DIRECT" }')
  await look()
  await look()
  t.strictSame(told(), ['info'], 'a file that was missing is waited for')
})

t.test('a settings file that appears, goes, and comes back', async (t) => {
  const folder = t.testdir({})
  const { look, told, watch } = await watched(t, folder)
  writeFileSync(join(folder, 'fairlead.yaml'), level('warn'))
  await look()
  await look()
  t.strictSame(told(), ['warn'])
  unlinkSync(join(folder, 'fairlead.yaml'))
  await look()
  await look()
  t.strictSame(told(), ['error the settings file is gone'], 'and not the defaults, which send everything direct')
  await look()
  t.strictSame(told(), [], 'once')
  t.equal(brief(await watch.reload()), 'error the settings file is gone', 'nor when asked for')
  told()
  writeFileSync(join(folder, 'fairlead.yaml'), level('debug'))
  await look()
  await look()
  t.strictSame(told(), ['debug'])
})

t.test('a gateway that was started with a file does not fall back to the defaults', async (t) => {
  const folder = t.testdir({ 'fairlead.yaml': level('warn') })
  const { look, told } = await watched(t, folder)
  unlinkSync(join(folder, 'fairlead.yaml'))
  await look()
  await look()
  t.strictSame(told(), ['error the settings file is gone'])
})

t.test('a file with nothing in it is one that is being written, or could not be', async (t) => {
  const folder = t.testdir({ 'fairlead.yaml': level('warn') })
  const { look, told, watch } = await watched(t, folder)
  for (const text of ['', '\uFEFF', ' \n\n', '# later\n---\n']) {
    writeFileSync(join(folder, 'fairlead.yaml'), text)
    t.equal(brief(await watch.reload()), 'error the settings file is empty', JSON.stringify(text))
    t.strictSame(told(), ['error the settings file is empty'])
    await look()
    await look()
    t.strictSame(told(), [], 'once')
  }
  writeFileSync(join(folder, 'fairlead.yaml'), '{}')
  await look()
  await look()
  t.strictSame(told(), ['info'], 'whoever wants the defaults says so')
})

t.test('a named file that goes is an error, and not the defaults', async (t) => {
  const folder = t.testdir({ 'my.yaml': level('warn') })
  const { look, told } = await watched(t, folder, 'my.yaml')
  unlinkSync(join(folder, 'my.yaml'))
  mkdirSync(join(folder, 'my.yaml'))
  await look()
  await look()
  t.strictSame(told(), ['error cannot read the settings: it is a directory'])
})

t.test('reload reads at once; after close nothing is told', async (t) => {
  const folder = t.testdir({ 'fairlead.yaml': level('info') })
  const { watch, told, clock, look } = await watched(t, folder)
  writeFileSync(join(folder, 'fairlead.yaml'), level('warn'))
  const [one, two] = await Promise.all([watch.reload(), watch.reload()])
  t.strictSame([one, two].map(brief), ['warn', 'warn'])
  t.strictSame(told(), ['warn', 'warn'])
  await look()
  t.strictSame(told(), [], 'what reload has seen is no news')
  watch.close()
  t.strictSame(clock.waiting, [])
  await watch.reload()
  t.strictSame(told(), [])
})
