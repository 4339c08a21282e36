import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runCommand } from '../../../src/passthrough/rules/run-command.ts'

t.test('a command that somebody’s signal has ended is run again', async (t) => {
  const folder = t.testdir()
  const once = `[ -e ${folder}/once ] || { touch ${folder}/once; kill -TERM $$; }; cat`
  t.match(await runCommand(['sh', '-c', once], 'said'), { code: 0, stdout: 'said' })
  t.ok(existsSync(join(folder, 'once')))
})

t.test('but not for ever', async (t) => {
  const folder = t.testdir()
  t.match(await runCommand(['sh', '-c', `echo x >> ${folder}/times; kill -TERM $$`]), { code: null })
  t.equal((await runCommand(['cat', `${folder}/times`])).stdout, 'x\nx\nx\n')
})

t.test('its own end is its answer', async (t) => {
  const file = join(t.testdir(), 'times')
  writeFileSync(file, '')
  t.match(await runCommand(['sh', '-c', `echo x >> ${file}; echo no >&2; exit 3`]), { code: 3, stderr: 'no\n' })
  t.equal((await runCommand(['cat', file])).stdout, 'x\n')
})

const skip = process.platform !== 'linux' && 'reads /proc'
t.test('it is in a group of its own, which no terminal sends SIGINT to', { skip }, async (t) => {
  const { stdout } = await runCommand(['sh', '-c', 'echo $$; cut -d " " -f 5 /proc/self/stat'])
  const [pid, group] = stdout.trim().split('\n')
  t.equal(group, pid)
})
