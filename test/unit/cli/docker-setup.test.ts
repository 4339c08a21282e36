import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runCommandLine } from '../../../src/cli/program.ts'

const SETTINGS =
  'listen: { mixed: [127.0.0.1:3128, { address: "10.9.8.7:3129", scope: containers, from: [10.0.0.0/8] }] }\n'
const DAEMON = '{\r\n    "log-driver": "journald"\r\n}\r\n'
const CLIENT = '{ "auths": { "registry.example": { "auth": "c2VjcmV0" } } }'

/** A home with both files, and the command run in it. */
function home(t: Test, files: Readonly<Record<string, string>> = {}) {
  const folder = t.testdir({
    'fairlead.yaml': SETTINGS,
    'daemon.json': DAEMON,
    '.docker': { 'config.json': CLIENT },
    ...files,
  })
  const at = (name: string) => join(folder, name)
  const run = async (...args: string[]) => {
    const said = { out: '', err: '' }
    const listen = (where: keyof typeof said) => (text: string) => {
      said[where] += text
    }
    const io = {
      out: listen('out'),
      err: listen('err'),
      env: { HOME: folder },
      cwd: folder,
    }
    const code = await runCommandLine(['docker-setup', '--daemon-json', at('daemon.json'), ...args], io)
    return { code, out: said.out.replaceAll(folder, '~'), err: said.err.replaceAll(folder, '~') }
  }
  return { folder, at, run, read: (name: string) => readFileSync(at(name), 'utf8') }
}

t.test('print shows and writes nothing', async (t) => {
  const { run, read, at } = home(t)
  for (const args of [[], ['--print']]) {
    const { code, out, err } = await run(...args)
    t.equal(code, 0, err)
    t.match(
      out,
      '~/daemon.json (the engine: what it pulls and pushes)\n  proxies.http-proxy   "http://10.9.8.7:3129"\n',
    )
    t.match(out, '~/.docker/config.json')
    t.match(out, 'Nothing has been written')
  }
  t.strictSame([read('daemon.json'), read('.docker/config.json')], [DAEMON, CLIENT])
  t.notOk(existsSync(at('daemon.json.fairlead-undo')))
})

t.test('apply, apply again, remove: files, modes and links are as they were', async (t) => {
  const { run, read, at, folder } = home(t)
  mkdirSync(at('real'))
  writeFileSync(at('real/config.json'), CLIENT)
  chmodSync(at('real/config.json'), 0o640)
  mkdirSync(at('linked'))
  symlinkSync('../real/config.json', at('linked/config.json'))
  const client = ['--client-config', at('linked/config.json')]
  const applied = await run('--apply', ...client)
  t.equal(applied.code, 0, applied.err)
  t.match(applied.out, 'Restart the engine')
  t.strictSame(JSON.parse(read('daemon.json')), {
    'log-driver': 'journald',
    proxies: {
      'http-proxy': 'http://10.9.8.7:3129',
      'https-proxy': 'http://10.9.8.7:3129',
      'no-proxy': 'localhost,127.0.0.1,::1',
    },
  })
  t.match(read('daemon.json'), /"journald",\r\n {4}"proxies": \{\r\n {8}"http-proxy"/)
  t.ok(lstatSync(at('linked/config.json')).isSymbolicLink(), 'the link is still one')
  t.equal(statSync(at('real/config.json')).mode & 0o777, 0o640)
  t.equal(statSync(at('real/config.json.fairlead-undo')).mode & 0o777, 0o600, 'the record has log-ins in it')
  t.match(JSON.parse(read('real/config.json')), {
    auths: {},
    proxies: { default: { httpProxy: 'http://10.9.8.7:3129' } },
  })
  const again = await run('--apply', ...client)
  t.match(again.out, 'as it is already')
  t.match(again.out, 'Nothing had to be changed.')
  const removed = await run('--remove', ...client)
  t.equal(removed.code, 0, removed.err)
  t.strictSame([read('daemon.json'), read('real/config.json')], [DAEMON, CLIENT])
  t.notOk(existsSync(at('daemon.json.fairlead-undo')) || existsSync(at('real/config.json.fairlead-undo')))
  t.equal(statSync(at('real/config.json')).mode & 0o777, 0o640)
  t.match((await run('--remove', ...client)).out, 'nothing of ours is there')
  t.strictSame(readFileSync(join(folder, 'daemon.json'), 'utf8'), DAEMON)
})

t.test('files that are not there are made, and go again', async (t) => {
  const { run, at } = home(t)
  const args = ['--daemon-json', at('etc/docker/daemon.json'), '--client-config', at('new/config.json')]
  t.equal((await run('--apply', ...args)).code, 0)
  t.equal(statSync(at('etc/docker/daemon.json')).mode & 0o777, 0o644)
  t.equal(statSync(at('new/config.json')).mode & 0o777, 0o600)
  t.equal((await run('--remove', ...args)).code, 0)
  t.notOk(existsSync(at('etc/docker/daemon.json')) || existsSync(at('new/config.json')))
})

t.test('folders that are not there are made, as open as their file, and go again', async (t) => {
  const { run, at } = home(t)
  const files = ['--daemon-json', at('etc/docker/daemon.json'), '--client-config', at('new/config.json')]
  t.equal((await run('--apply', ...files)).code, 0)
  t.strictSame([statSync(at('etc/docker')).mode & 0o777, statSync(at('new')).mode & 0o777], [0o755, 0o700])
  t.equal((await run('--apply', '--bypass', 'more.example', ...files)).code, 0)
  writeFileSync(at('new/of-others'), '')
  t.equal((await run('--remove', ...files)).code, 0)
  t.notOk(existsSync(at('etc')))
  t.strictSame(readdirSync(at('new')), ['of-others'], 'but for what others have put there')
})

t.test('passwords of proxies are not shown', async (t) => {
  const old = '{ "proxies": { "default": { "httpProxy": "http://u:sekret@old:1" } } }'
  const { run } = home(t, { '.docker': { 'config.json': old } } as never)
  for (const action of ['--print', '--apply', '--remove']) {
    const { code, out, err } = await run(action, '--only', 'client')
    t.equal(code, 0, err)
    t.match(out, '"http://***@old:1"')
    t.notMatch(out + err, 'sekret')
  }
})

t.test('what is no file is not waited for', async (t) => {
  const { run, at } = home(t)
  execFileSync('mkfifo', [at('fifo')])
  for (const [place, said] of [
    ['fifo', /fifo is no ordinary file/],
    ['.docker', /\.docker is no ordinary file/],
  ] as const) {
    const { code, err } = await run('--apply', '--only', 'client', '--client-config', at(place))
    t.equal(code, 1)
    t.match(err, said)
  }
})

t.test('a file that cannot be read keeps both as they are', async (t) => {
  const bad = '{\n  "auths": {},\n}\n'
  const { run, read, at } = home(t)
  writeFileSync(at('.docker/config.json'), bad)
  for (const action of ['--print', '--apply']) {
    const { code, err } = await run(action)
    t.equal(code, 1)
    t.match(err, '~/.docker/config.json:3:1: this } comes after a comma')
    t.match(err, 'Nothing was written.')
  }
  t.strictSame([read('daemon.json'), read('.docker/config.json')], [DAEMON, bad])
  t.notOk(existsSync(at('daemon.json.fairlead-undo')))
})

t.test('a second file that cannot be written: what was done to the first is said', async (t) => {
  const { run, read, at } = home(t)
  // A name with which the record's has 255 octets, and what it is written as before has more than a file system takes. It stops root too.
  const name = 'c'.repeat(255 - '.fairlead-undo'.length)
  const client = ['--client-config', at(name)]
  const { code, out, err } = await run('--apply', ...client)
  t.equal(code, 1)
  t.match(read('daemon.json'), '10.9.8.7')
  t.match(out, /~\/daemon\.json \(the engine.*\n {2}proxies/)
  t.match(out, 'Restart the engine')
  t.notMatch(out, name)
  t.match(err, `cannot write ~/${name}: ENAMETOOLONG\n`)
  t.match(err, /\nWritten all the same: ~\/daemon\.json\n$/)
  t.notOk(readdirSync(at('.')).some((found) => found.startsWith('cc')))
  t.equal((await run('--remove')).code, 0)
  t.strictSame([read('daemon.json'), existsSync(at('daemon.json.fairlead-undo'))], [DAEMON, false])
})

t.test('a door that has gone: what was told of it is taken back', async (t) => {
  const { run, read, at } = home(t)
  await run('--apply', '--only', 'client')
  writeFileSync(at('fairlead.yaml'), 'listen: { mixed: 127.0.0.1:3128 }\n')
  const { code, out } = await run('--apply', '--only', 'client')
  t.equal(code, 1, 'nobody is told')
  t.match(out, 'not told: no door of the settings has scope: containers')
  t.match(out, /\n {2}proxies\.default\.httpProxy +removed\n/)
  t.equal(read('.docker/config.json'), CLIENT)
})

t.test('what --remove cannot take back it names', async (t) => {
  const { run, read, at } = home(t)
  await run('--apply', '--only', 'engine')
  writeFileSync(
    at('daemon.json'),
    read('daemon.json').replace('"http-proxy": "http://10.9.8.7:3129"', '"http-proxy": "http://mine:1"'),
  )
  const { out } = await run('--remove', '--only', 'engine')
  t.match(out, 'proxies.http-proxy   kept: somebody has changed it to "http://mine:1"')
  t.strictSame(JSON.parse(read('daemon.json')), {
    'log-driver': 'journald',
    proxies: { 'http-proxy': 'http://mine:1' },
  })
  t.equal(read('.docker/config.json'), CLIENT, 'the other file is not touched')
})

t.test('wrong usage, and settings that offer no door', async (t) => {
  const { run } = home(t)
  const both = await run('--apply', '--remove')
  t.equal(both.code, 2)
  t.match(both.err, '--apply and --remove together make no sense')
  const none = home(t, { 'fairlead.yaml': 'listen: { mixed: 127.0.0.1:3128 }\n' })
  const { code, out } = await none.run('--apply')
  t.equal(code, 1)
  t.match(out, 'not told: no door of the settings has scope: containers')
  t.equal(none.read('daemon.json'), DAEMON)
  const bad = home(t, { 'fairlead.yaml': 'lisen: 1\n' })
  t.equal((await bad.run('--apply')).code, 2)
  t.equal((await bad.run('--remove')).code, 0, 'undoing needs no settings')
})
