import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { setUpDocker } from '../../../src/gateway/docker-setup.ts'
import { loadText } from '../../fixtures/settings/load-text.ts'

t.test('an engine that would not start with the file is not given it', async (t) => {
  const { loaded } = await loadText('listen: { mixed: { address: "127.0.0.1:3129", scope: containers } }')
  const folder = t.testdir({})
  const file = join(folder, 'daemon.json')
  const machine = { daemonJson: file, engineVersion: async () => '20.10.24+dfsg1' }
  const options = { bypass: [], env: { HOME: folder }, machine, only: 'engine', action: 'apply' } as const
  await t.rejects(setUpDocker(loaded!.settings, options), {
    name: 'DockerSetupError',
    message: /20\.10\.24\+dfsg1, which does not know `proxies`/,
  })
  t.notOk(existsSync(file))
  const [shown] = await setUpDocker(loaded!.settings, { ...options, action: 'print' })
  t.match(shown?.refusal?.reason, /20\.10\.24/, 'which is said before, too')
  const newer = { ...machine, engineVersion: async () => '23.0.1' }
  t.equal((await setUpDocker(loaded!.settings, { ...options, machine: newer }))[0]?.isChanged, true)
  t.ok(existsSync(file))
  await setUpDocker(undefined, { ...options, action: 'remove' })
  t.notOk(existsSync(file), 'and taking back asks no engine')
  t.equal((await setUpDocker(loaded!.settings, { ...options, daemonJson: file }))[0]?.isChanged, true)
  t.ok(existsSync(file), 'one that is named is for somebody else to judge')
})
