import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readSetupFile, writeSetupFile } from '../../../src/docker-setup/files.ts'
import { planApply, planRemove } from '../../../src/docker-setup/plan.ts'
import { type DockerSetupOptions, setUpDocker } from '../../../src/gateway/docker-setup.ts'
import { loadText } from '../../fixtures/settings/load-text.ts'

t.test('an engine that would not start with the file is not given it', async (t) => {
  const { loaded } = await loadText('listen: { mixed: { address: "127.0.0.1:3129", scope: containers } }')
  const folder = t.testdir({})
  const file = join(folder, 'daemon.json')
  const machine = { daemonJson: file, engineVersion: async () => '20.10.24+dfsg1', bridgeAddress: () => undefined }
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

const DOOR = 'listen: { mixed: { address: "10.9.8.7:3129", scope: containers, from: [10.0.0.0/8] } }'
const VALUES = { proxies: { default: { httpProxy: 'http://10.9.8.7:3129' } } }

t.test('what somebody has written since a file was read stays', async (t) => {
  const login = '{ "auths": { "registry.example": { "auth": "c2VjcmV0" } } }'
  const folder = t.testdir({ 'config.json': '{}' })
  const file = join(folder, 'config.json')
  const before = await readSetupFile(file)
  const plan = planApply(file, before.text, before.record, VALUES)
  writeFileSync(file, login)
  const changed = {
    name: 'DockerSetupError',
    message: `${file} was changed by somebody else meanwhile, and was left as it is now`,
  }
  await t.rejects(writeSetupFile(before, plan, 0o600), changed)
  t.strictSame([readFileSync(file, 'utf8'), readdirSync(folder)], [login, ['config.json']], 'and nothing is beside it')

  const next = await readSetupFile(file)
  await writeSetupFile(next, planApply(file, next.text, next.record, VALUES), 0o600)
  const applied = await readSetupFile(file)
  const more = `${applied.text}\n`
  writeFileSync(file, more)
  await t.rejects(writeSetupFile(applied, planRemove(file, applied.text, applied.record), 0o600), changed)
  t.equal(readFileSync(file, 'utf8'), more)
  t.strictSame((await readSetupFile(file)).record, applied.record, 'what was done can still be undone')
  t.equal(readdirSync(folder).length, 2)
})

t.test('a file that has come meanwhile stays, and so do its folders', async (t) => {
  const folder = t.testdir({})
  const file = join(folder, 'new/config.json')
  const before = await readSetupFile(file)
  await writeSetupFile(before, planApply(file, null, null, VALUES), 0o600)
  await t.rejects(writeSetupFile(before, planApply(file, null, null, VALUES), 0o600), /changed by somebody else/)
  t.equal(readdirSync(join(folder, 'new')).length, 2, 'file and record')
})

t.test('an edit made while the engine is asked for its version is there afterwards', async (t) => {
  const { loaded } = await loadText(DOOR)
  const daemonJson = join(t.testdir({ 'daemon.json': '{}' }), 'daemon.json')
  const engineVersion = async () => {
    writeFileSync(daemonJson, '{ "debug": true }')
    return '28.0.0'
  }
  const options = {
    action: 'apply',
    only: 'engine',
    bypass: [],
    env: {},
    machine: { daemonJson, engineVersion, bridgeAddress: () => undefined },
  } as const
  t.equal((await setUpDocker(loaded!.settings, options))[0]?.isChanged, true)
  t.match(JSON.parse(readFileSync(daemonJson, 'utf8')), { debug: true, proxies: {} })
})

t.test('a door that is no longer there: what was told of it is taken back', async (t) => {
  const clientConfig = join(t.testdir({ 'config.json': '{ "a": 1 }' }), 'config.json')
  const options = { action: 'apply', only: 'client', clientConfig, bypass: [], env: {} } as const
  await setUpDocker((await loadText(DOOR)).loaded!.settings, options)
  t.match(readFileSync(clientConfig, 'utf8'), '10.9.8.7')
  const none = (await loadText('listen: { mixed: 127.0.0.1:3128 }')).loaded!.settings
  const [shown] = await setUpDocker(none, { ...options, action: 'print' })
  t.match(shown, { isChanged: true, skipped: { reason: /no door/ }, changes: [{ kind: 'removed' }] })
  t.match(readFileSync(clientConfig, 'utf8'), '10.9.8.7', 'which is shown first')
  await setUpDocker(none, options)
  t.equal(readFileSync(clientConfig, 'utf8'), '{ "a": 1 }')
})

t.test('a door on all addresses, while the engine’s bridge has none: what was told before stays', async (t) => {
  const clientConfig = join(t.testdir({ 'config.json': '{}' }), 'config.json')
  const text = 'listen: { mixed: { address: "0.0.0.0:3129", scope: containers, from: [172.16.0.0/12] } }'
  const { settings } = (await loadText(text)).loaded!
  const machine = { daemonJson: '', engineVersion: async () => undefined, bridgeAddress: () => '172.17.0.1' }
  const options = { action: 'apply', only: 'client', clientConfig, bypass: [], env: {}, machine } as const
  await setUpDocker(settings, options)
  const told = readFileSync(clientConfig, 'utf8')
  t.match(told, '172.17.0.1:3129')
  const gone = { ...options, machine: { ...machine, bridgeAddress: () => undefined } }
  const [result] = await setUpDocker(settings, gone)
  t.match(result, {
    isChanged: false,
    skipped: { reason: /docker0/ },
    note: { reason: /still there/, hint: /--remove/ },
  })
  t.equal(readFileSync(clientConfig, 'utf8'), told)
})

t.test('what another user has done does not keep one from the rest', async (t) => {
  const { folder, asUser } = userFolder(t)
  const [daemonJson, clientConfig] = [join(folder, 'daemon.json'), join(folder, 'config.json')]
  const { settings } = (await loadText(DOOR)).loaded!
  const options: Omit<DockerSetupOptions, 'action'> = { daemonJson, clientConfig, bypass: [], env: {} }
  writeFileSync(daemonJson, '{}')
  await setUpDocker(settings, { ...options, action: 'apply', only: 'engine' })
  const undo = `${daemonJson}.fairlead-undo`
  chmodSync(undo, 0)
  const text = readFileSync(daemonJson, 'utf8')
  await asUser(async () => {
    const [engine, client] = await setUpDocker(settings, { ...options, action: 'print' })
    t.match(engine, {
      isChanged: false,
      changes: [{ kind: 'unchanged' }, { kind: 'unchanged' }, { kind: 'unchanged' }],
    })
    t.match(client, { isChanged: true })
    t.notOk(engine?.failure ?? engine?.note ?? client?.failure)

    const applied = await setUpDocker(settings, { ...options, action: 'apply' })
    t.match(applied, [{ isChanged: false }, { isChanged: true }])
    t.notOk(applied[0]?.failure)

    const other = await setUpDocker(settings, { ...options, action: 'print', bypass: ['more.example'] })
    t.match(other[0], {
      isChanged: true,
      note: { reason: /what was done before cannot be seen: .*daemon\.json\.fairlead-undo: EACCES/ },
    })
    const changed = await setUpDocker(settings, { ...options, action: 'apply', bypass: ['more.example'] })
    t.match(changed, [
      { isChanged: false, failure: { hint: /sudo fairlead docker-setup --apply --only engine/ } },
      { isChanged: true },
    ])

    const removed = await setUpDocker(undefined, { ...options, action: 'remove' })
    t.match(removed, [
      { failure: { reason: /EACCES/, hint: /sudo fairlead docker-setup --remove --only engine/ } },
      { isChanged: true },
    ])
    t.notOk(existsSync(clientConfig), 'the user’s own half is done')
  })
  t.strictSame([readFileSync(daemonJson, 'utf8'), existsSync(undo)], [text, true])

  chmodSync(daemonJson, 0)
  await asUser(async () => {
    const shown = await setUpDocker(settings, { ...options, action: 'print' })
    t.match(shown, [{ failure: { reason: /daemon\.json: EACCES/ } }, { isChanged: true }])
  })
})

/** A folder of somebody who is not root, and how to be that one: whoever the tests run as, or, for root, nobody. */
function userFolder(t: Test): { folder: string; asUser(act: () => Promise<void>): Promise<void> } {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  if (process.getuid?.() !== 0) return { folder, asUser: (act) => act() }
  chownSync(folder, NOBODY, NOBODY)
  const asUser = async (act: () => Promise<void>) => {
    process.seteuid!(NOBODY)
    try {
      await act()
    } finally {
      process.seteuid!(0)
    }
  }
  return { folder, asUser }
}

const NOBODY = 65_534
