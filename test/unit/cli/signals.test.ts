import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const SRC = fileURLToPath(new URL('../../../src/', import.meta.url))

const PROGRAM = `
  import { once } from 'node:events'
  import { createRequire } from 'node:module'
  // Signals that are waited for keep no process running.
  setInterval(() => {}, 1000)
  process.argv[2] = 'start'
  createRequire('${SRC}')('${SRC}early-signals.cts')
  for (const name of ['SIGHUP', 'SIGTERM']) {
    const came = once(process, name)
    process.kill(process.pid, name)
    await came
  }
  const { Signals } = await import('${SRC}cli/signals.ts')
  const seen = []
  const all = new Promise((resolve) => {
    new Signals().handle((signal) => {
      seen.push(signal)
      if (seen.length === 3) resolve()
    })
  })
  process.kill(process.pid, 'SIGUSR1')
  process.kill(process.pid, 'SIGXFSZ')
  process.kill(process.pid, 'SIGINT')
  await all
  process.stdout.write(seen.join(' '), () => process.exit(0))
`

t.test('what comes while the program is still being read is kept, and nobody opens a debugger', async (t) => {
  // What the runner has all processes load first is not for this one.
  const words = ['-u', 'NODE_OPTIONS', process.execPath, '--import=tsx', '--input-type=module', '-e', PROGRAM]
  const child = spawn('env', words, { cwd: SRC })
  t.teardown(() => child.kill('SIGKILL'))
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  const [exit, signal] = await once(child, 'close')
  t.strictSame([exit, signal], [0, null], err)
  t.equal(out, 'SIGHUP SIGTERM SIGINT')
  t.notMatch(err, /Debugger/)
})
