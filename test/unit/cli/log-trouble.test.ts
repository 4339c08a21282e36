import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { until } from '../../fixtures/until.ts'

// Each process compiles the whole of the source first: half a second alone, ten on a machine that runs everything else at the same time.
t.setTimeout(180_000)

const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url))

function folder(t: Test): string {
  const made = mkdtempSync(join(tmpdir(), 'fairlead-log-'))
  t.teardown(() => rmSync(made, { recursive: true, force: true }))
  return made
}

/** `fairlead start` with its log at `stderr`. Its door is a UNIX socket, whose name is known without the log. */
function start(t: Test, stderr: number, settings: object = {}) {
  const home = folder(t)
  const door = join(home, 'door.sock')
  const all = { listen: { mixed: `unix:${door}` }, status: { listen: 'off' }, engine: { socket: 'off' }, ...settings }
  writeFileSync(join(home, 'fairlead.yaml'), JSON.stringify(all))
  const child = spawn(process.execPath, [`--import=${import.meta.resolve('tsx')}`, MAIN, 'start'], {
    cwd: home,
    env: { PATH: process.env['PATH'], HOME: home, XDG_RUNTIME_DIR: home },
    stdio: ['ignore', 'ignore', stderr],
  })
  const ended = once(child, 'exit') as Promise<[code: number | null, signal: string | null]>
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return { child, ended, door, serves: () => serving(door, ended) }
}

/** Resolves once a request at the door has its answer: 400, for it is none. That makes no line in the log. */
async function serving(door: string, ended: Promise<unknown>): Promise<void> {
  let isOver = false
  void ended.then(() => {
    isOver = true
  })
  while (!(await answer(door, 'nonsense\r\n\r\n')).startsWith('HTTP/1.1 400')) {
    if (isOver) throw new Error('the gateway has ended')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** What comes until the end; nothing where nobody listens. */
async function answer(door: string, request: string): Promise<string> {
  const socket = connect(door)
  let text = ''
  socket.on('data', (data) => (text += data.toString('latin1')))
  socket.on('error', () => {})
  socket.write(request)
  await new Promise((resolve) => socket.once('close', resolve))
  return text
}

/** `count` tunnels, one after the other, each of which is a line in the log. */
async function tunnels(t: Test, door: string, count: number): Promise<void> {
  const origin = createServer((socket) => socket.on('error', () => {}).end('hello'))
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  const at = `127.0.0.1:${(origin.address() as { port: number }).port}`
  for (let n = 0; n < count; n += 1) {
    const text = await answer(door, `CONNECT ${at} HTTP/1.1\r\nHost: ${at}\r\n\r\n`)
    if (!/^HTTP\/1\.1 200 .*\r\n\r\nhello$/s.test(text)) t.fail(`tunnel ${n}: ${JSON.stringify(text)}`)
  }
  origin.close()
}

/** A pipe that takes nothing more, and whose reader is this test. */
function fullPipe(t: Test) {
  const path = join(folder(t), 'pipe')
  execFileSync('mkfifo', [path])
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  t.teardown(() => closeSync(fd))
  const chunk = Buffer.alloc(2 ** 16, '\n')
  const unlessFull = (act: () => number) => {
    try {
      return act()
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'EAGAIN') throw thrown
      return 0
    }
  }
  const fill = () => {
    for (const size of [2 ** 16, 2 ** 12, 1]) while (unlessFull(() => writeSync(fd, chunk, 0, size)) > 0);
  }
  let text = ''
  const into = Buffer.alloc(2 ** 16)
  const read = () => {
    const length = unlessFull(() => readSync(fd, into))
    text += into.toString('latin1', 0, length)
  }
  fill()
  // Another descriptor, writes to which wait, as those to a shell's pipe do.
  const writer = openSync(path, 'w')
  t.teardown(() => closeSync(writer))
  return { writer, fill, read, messages: () => messages(text) }
}

/** Every line whole: parsed. */
const messages = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { msg: string }).msg)

const FLOWS = 5
const onLinux = { skip: process.platform !== 'linux' && 'only there can a pipe be opened once more' }

t.test('a log that nobody reads keeps nobody from being served, and loses nothing', onLinux, async (t) => {
  const pipe = fullPipe(t)
  const { child, ended, door, serves } = start(t, pipe.writer)
  await serves()
  // A program that Node starts: it has all writes to what it inherits wait, also those of others.
  spawnSync('true', { stdio: ['ignore', 'ignore', pipe.writer] })
  await tunnels(t, door, FLOWS)
  const flows = () => pipe.messages().filter((msg) => msg === 'flow').length
  await until('what has been said', () => {
    pipe.read()
    return flows() === FLOWS
  })
  t.ok(pipe.messages().includes('ready'))
  pipe.fill()
  child.kill('SIGTERM')
  t.same(await ended, [0, null], 'the end does not wait for a reader either')
})

t.test('signals end a gateway whose log nobody reads', onLinux, async (t) => {
  const pipe = fullPipe(t)
  const { child, ended, serves, door } = start(t, pipe.writer)
  await serves()
  // It holds up the end.
  const client = connect(door)
  client.on('error', () => {})
  client.write('GET http://')
  await once(client, 'connect')
  const again = setInterval(() => child.kill('SIGTERM'), 20)
  t.teardown(() => clearInterval(again))
  t.match(await ended, [/^[01]$/, null])
})

t.test('a disk that is full ends nothing', { skip: process.platform !== 'linux' && 'no /dev/full' }, async (t) => {
  const full = openSync('/dev/full', 'w')
  t.teardown(() => closeSync(full))
  const { child, ended, door, serves } = start(t, full)
  await serves()
  await tunnels(t, door, FLOWS)
  child.kill('SIGTERM')
  t.same(await ended, [0, null])
})

t.test('what cannot be said about settings ends with the code of bad settings all the same', async (t) => {
  const full = openSync(process.platform === 'linux' ? '/dev/full' : '/dev/null', 'w')
  t.teardown(() => closeSync(full))
  t.same(await start(t, full, { nonsense: 1 }).ended, [2, null])
})

t.test('a file that may not grow is written on when it may', async (t) => {
  try {
    execFileSync('prlimit', ['--version'])
  } catch {
    const why = 'prlimit is not installed (package util-linux)'
    if (process.env['CI'] === 'true') t.fail(why)
    else t.pass(`SKIPPED: ${why}`)
    return
  }
  const file = join(folder(t), 'log')
  const fd = openSync(file, 'a')
  t.teardown(() => closeSync(fd))
  const { child, ended, door, serves } = start(t, fd)
  await serves()
  const written = () => messages(readFileSync(file, 'utf8'))
  const limit = (bytes: number | 'unlimited') => execFileSync('prlimit', [`--pid=${child.pid}`, `--fsize=${bytes}:`])
  await until('ready', () => written().includes('ready'))
  // In the middle of a line.
  limit(statSync(file).size + 100)
  await tunnels(t, door, FLOWS)
  await until('the limit', () => !readFileSync(file, 'utf8').endsWith('\n'))
  limit('unlimited')
  await until('what has been said meanwhile', () => {
    const text = readFileSync(file, 'utf8')
    return text.endsWith('\n') && messages(text).filter((msg) => msg === 'flow').length === FLOWS
  })
  child.kill('SIGTERM')
  t.same(await ended, [0, null])
  t.equal(written().at(-1), 'stopped')
})

for (const format of ['json', 'pretty']) {
  t.test(`why it could not start is written whole before it ends: ${format}`, async (t) => {
    const file = join(folder(t), 'log')
    const fd = openSync(file, 'a')
    t.teardown(() => closeSync(fd))
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    t.teardown(() => taken.close())
    const { port } = taken.address() as { port: number }
    const { ended } = start(t, fd, { log: { format }, listen: { mixed: `127.0.0.1:${port}` } })
    t.same(await ended, [1, null])
    const text = readFileSync(file, 'utf8')
    t.match(text, 'could not start')
    t.match(text, /Stop it.*\n$/s)
  })
}
