import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { openConnect } from '../../fixtures/clients.ts'

// Each process compiles the whole of the source first: half a second alone, ten on a machine that runs everything else at the same time.
t.setTimeout(180_000)

const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url))

interface LogLine {
  readonly msg: string
  readonly error?: unknown
  readonly err?: unknown
  readonly listen?: readonly string[]
}

/** `fairlead start` in a process of its own, which signals and exit codes need. */
function start(t: Test, settings: object) {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-start-'))
  const save = (settings: object) => writeFileSync(join(folder, 'fairlead.yaml'), JSON.stringify(settings))
  save(settings)
  const child = spawn(process.execPath, [`--import=${import.meta.resolve('tsx')}`, MAIN, 'start'], {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder, XDG_RUNTIME_DIR: folder },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = once(child, 'exit') as Promise<[code: number | null, signal: string | null]>
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
    rmSync(folder, { recursive: true, force: true })
  })
  const lines: LogLine[] = []
  const reader = createInterface({ input: child.stderr })
  reader.on('line', (text) => lines.push(JSON.parse(text) as LogLine))
  // Not "exit": what it has said last may still be on its way then.
  const silent = once(reader, 'close')
  const line = async (msg: string): Promise<LogLine> => {
    for (;;) {
      const found = lines.find((one) => one.msg === msg)
      if (found) return found
      await Promise.race([
        once(reader, 'line'),
        silent.then(() => {
          if (!lines.some((one) => one.msg === msg)) throw new Error(`ended: ${JSON.stringify(lines)}`)
        }),
      ])
    }
  }
  return { child, save, lines, line, ended }
}

async function listening(t: Test, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as { port: number }).port
}

t.test('SIGHUP while draining neither ends the process nor its flows', async (t) => {
  const origin = createServer((socket) => socket.on('error', () => {}).pipe(socket))
  const port = await listening(t, origin)
  const { child, line, ended } = start(t, { listen: { mixed: '127.0.0.1:0' }, status: { listen: 'off' } })
  const door = Number(/:(\d+)$/.exec((await line('ready')).listen![0]!)![1])
  const { socket, status } = await openConnect(door, `127.0.0.1:${port}`)
  t.equal(status, 200)
  child.kill('SIGTERM')
  await line('draining')
  child.kill('SIGHUP')
  t.equal(await echoed(socket, 'still here'), 'still here')
  socket.end()
  t.same(await ended, [0, null])
})

t.test('a second signal ends the flows that the first has left', async (t) => {
  const origin = createServer((socket) => socket.on('error', () => {}).pipe(socket))
  const port = await listening(t, origin)
  const { child, line, lines, ended } = start(t, { listen: { mixed: '127.0.0.1:0' }, status: { listen: 'off' } })
  const door = Number(/:(\d+)$/.exec((await line('ready')).listen![0]!)![1])
  const { socket } = await openConnect(door, `127.0.0.1:${port}`)
  socket.on('error', () => {})
  child.kill('SIGTERM')
  await line('draining')
  child.kill('SIGINT')
  t.same(await ended, [1, null])
  t.match(lines.at(-1), { msg: 'stopped', signal: 'SIGINT', cut: 1 })
})

t.test('signals while it starts count once it has started', async (t) => {
  // The start waits for this script, which does not come.
  const pacHost = createServer()
  const port = await listening(t, pacHost)
  const settings = {
    listen: { mixed: '127.0.0.1:0' },
    status: { listen: 'off' },
    proxy: { pac: `http://127.0.0.1:${port}/proxy.pac` },
  }
  const { child, line, lines, ended } = start(t, settings)
  const [socket] = (await once(pacHost, 'connection')) as [Socket]
  t.notOk(
    lines.some(({ msg }) => msg === 'ready'),
    'it is still starting',
  )
  child.kill('SIGHUP')
  child.kill('SIGTERM')
  socket.destroy()
  t.same(await ended, [0, null])
  await line('stopped')
  t.ok(lines.some(({ msg }) => msg === 'ready'))
})

t.test(
  'a reload that waits for its script as the gateway ends comes to nothing, and keeps nothing running',
  async (t) => {
    const pacHost = createServer()
    const port = await listening(t, pacHost)
    const settings = { listen: { mixed: '127.0.0.1:0' }, status: { listen: 'off' } }
    const { child, save, line, lines, ended } = start(t, settings)
    await line('ready')
    save({
      ...settings,
      listen: { mixed: ['127.0.0.1:0', '127.0.0.1:0'] },
      proxy: { pac: `http://127.0.0.1:${port}/proxy.pac` },
    })
    child.kill('SIGHUP')
    await once(pacHost, 'connection')
    child.kill('SIGTERM')
    t.same(await ended, [0, null])
    await line('stopped')
    t.match(
      lines.map(({ msg }) => msg).filter((msg) => /settings|draining/.test(msg)),
      ['draining', 'settings not reloaded: the gateway is shutting down'],
    )
  },
)

t.test('whoever says it three times does not want to wait for the start', async (t) => {
  const pacHost = createServer()
  const port = await listening(t, pacHost)
  const proxy = { pac: `http://127.0.0.1:${port}/proxy.pac` }
  const settings = { listen: { mixed: '127.0.0.1:0' }, status: { listen: 'off' }, proxy }
  const { child, lines, ended } = start(t, settings)
  await once(pacHost, 'connection')
  // The system keeps one of each at most until the process has taken it.
  const again = setInterval(() => child.kill('SIGINT'), 20)
  t.teardown(() => clearInterval(again))
  t.same(await ended, [1, null])
  t.notOk(lines.some(({ msg }) => msg === 'ready'))
})

t.test('what keeps it from starting is said in words, and the process ends', async (t) => {
  const port = await listening(t, createServer())
  const taken = `127.0.0.1:${port}`
  const processes = [
    { listen: { mixed: taken }, status: { listen: 'off' } },
    { listen: { mixed: '127.0.0.1:0' }, status: { listen: taken } },
  ].map((settings) => start(t, settings))
  for (const { line, ended } of processes) {
    const { error, err } = await line('could not start')
    t.match(error, { message: `cannot listen on ${taken}: another program is listening there`, hint: /Stop it/ })
    t.equal(err, undefined, 'no stack: nothing is wrong with Fairlead')
    t.same(await ended, [1, null])
  }
})

t.test('a folder for the status socket that cannot be made is told as such', async (t) => {
  const { line, ended } = start(t, {
    listen: { mixed: '127.0.0.1:0' },
    status: { listen: 'unix:fairlead.yaml/in/a-file/status.sock' },
  })
  const { error } = await line('could not start')
  t.match(error, {
    message: /^cannot make the folder .*\/fairlead\.yaml\/in\/a-file: ENOTDIR$/,
    hint: /status\.listen/,
  })
  t.same(await ended, [1, null])
})

async function echoed(socket: Socket, text: string): Promise<string> {
  socket.write(text)
  const [data] = (await once(socket, 'data')) as [Buffer]
  return data.toString()
}
