import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createLog } from '../../../src/observe/log.ts'
import { LogOutput } from '../../../src/observe/log-output.ts'
import { until } from '../../fixtures/until.ts'

const { O_RDONLY, O_WRONLY, O_NONBLOCK } = constants

interface Line {
  readonly n?: number
  readonly msg: string
  readonly lines?: number
  readonly reason?: string
}

function folder(t: Test): string {
  const made = mkdtempSync(join(tmpdir(), 'fairlead-log-'))
  t.teardown(() => rmSync(made, { recursive: true, force: true }))
  return made
}

/** A pipe of 64 KiB with both its ends here. `fill`: until it takes no more. */
function pipe(t: Test) {
  const path = join(folder(t), 'pipe')
  execFileSync('mkfifo', [path])
  const from = openSync(path, O_RDONLY | O_NONBLOCK)
  const to = openSync(path, O_WRONLY | O_NONBLOCK)
  t.teardown(() => {
    closeSync(from)
    closeSync(to)
  })
  const chunk = Buffer.alloc(2 ** 16)
  let text = ''
  const read = () => {
    try {
      text += chunk.toString('latin1', 0, readSync(from, chunk))
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'EAGAIN') throw thrown
    }
  }
  return { to, read, lines: () => parsed(text) }
}

const parsed = (text: string) =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line)

/** Flows as they are, some 500 bytes each. */
function say(log: ReturnType<typeof createLog>, from: number, count: number): void {
  for (let n = from; n < from + count; n += 1) log.info({ n, detail: 'x'.repeat(430) }, 'flow')
}

t.test('a line is there as soon as it is said', (t) => {
  const file = join(folder(t), 'log')
  const fd = openSync(file, 'a')
  t.teardown(() => closeSync(fd))
  const output = new LogOutput(() => fd)
  const log = createLog({ level: 'info', format: 'json' }, output)
  log.info('one')
  t.match(parsed(readFileSync(file, 'utf8')), [{ msg: 'one' }])
  log.fatal('two')
  t.match(parsed(readFileSync(file, 'utf8')), [{ msg: 'one' }, { msg: 'two' }])
  t.equal(output.linesLost, 0)
  t.end()
})

t.test('what a reader who has fallen behind does not take at once comes to him whole', async (t) => {
  const { to, read, lines } = pipe(t)
  const output = new LogOutput(() => to)
  const log = createLog({ level: 'info', format: 'json' }, output)
  say(log, 0, 2_000)
  log.info({ detail: 'y'.repeat(300_000) }, 'longer than the pipe')
  await until('the last line', () => {
    read()
    return lines().length >= 2_001
  })
  t.same(
    lines()
      .map(({ n }) => n)
      .slice(0, -1),
    [...Array(2_000).keys()],
    'in their order',
  )
  t.match(lines().at(-1), { msg: 'longer than the pipe' })
  t.equal(output.linesLost, 0)
})

t.test('what is too much to wait is one gap, and the line behind it says how much it is', async (t) => {
  const { to, read, lines } = pipe(t)
  const output = new LogOutput(() => to)
  const log = createLog({ level: 'info', format: 'json' }, output)
  const SAID = 20_000
  say(log, 0, SAID)
  const lost = output.linesLost
  t.ok(lost > SAID / 2 && lost < SAID - 5_000, `${lost} of ${SAID} lost: 4 MiB wait`)
  await until('the word of the gap', () => {
    read()
    return lines().some(({ msg }) => msg.startsWith('lines are missing'))
  })
  say(log, SAID, 1)
  await until('the line behind it', () => {
    read()
    return lines().at(-1)?.n === SAID
  })
  const numbers = lines().flatMap(({ n }) => n ?? [])
  t.same(numbers, [...Array(SAID - lost).keys(), SAID])
  t.match(lines().at(-2), { level: 40, lines: lost, reason: 'EAGAIN' })
  t.equal(output.linesLost, lost)
})

t.test('at the end what waits is written, if somebody reads', (t) => {
  const { to, read, lines } = pipe(t)
  const output = new LogOutput(
    () => to,
    () => read(),
  )
  const log = createLog({ level: 'info', format: 'json' }, output)
  say(log, 0, 8_000)
  output.finish()
  read()
  t.equal(lines().length, 8_000)
  t.end()
})

t.test('at the end nobody is waited for who does not read', (t) => {
  const { to } = pipe(t)
  let paused = 0
  const output = new LogOutput(
    () => to,
    (ms) => {
      paused += ms
    },
  )
  const log = createLog({ level: 'info', format: 'json' }, output)
  say(log, 0, 2_000)
  log.fatal('pino tries to write all that waits')
  output.finish()
  t.ok(paused > 500 && paused < 1_500, `${paused} ms`)
  t.end()
})

t.test('nor for room on a disk that is full', { skip: process.platform !== 'linux' && 'no /dev/full' }, (t) => {
  const fd = openSync('/dev/full', 'w')
  t.teardown(() => closeSync(fd))
  const output = new LogOutput(
    () => fd,
    () => t.fail('waited'),
  )
  const log = createLog({ level: 'info', format: 'json' }, output)
  say(log, 0, 10_000)
  log.fatal('pino tries to write all that waits')
  output.finish()
  t.ok(output.linesLost > 0)
  t.end()
})

t.test('for people', (t) => {
  const written: string[] = []
  const log = createLog({ level: 'info', format: 'pretty' }, { write: (text) => void written.push(text) })
  log.warn({ port: 53 }, 'taken')
  t.match(written, [/^\[\d\d:\d\d:\d\d\.\d{3}\] .*WARN.*: .*taken.*\n {4}.*port.*: 53\n$/])
  t.end()
})
