import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { abandonedLabs, createLab, endProgram, type Lab, labEnvironment, leftInLab, removeLab } from './harness/lab.ts'
import { installPackages } from './harness/packages.ts'

/** The longest a single scenario file may take. The slowest, `compose`, makes a whole Debian first where none is in the cache. */
const FILE_TIMEOUT_SECONDS = 900
/** Milliseconds beyond that for a file to take down what it has set up, before it is killed. */
const GRACE_MS = 60_000
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** What takes minutes begins first, so that no lane ends long after the other. */
const LONGEST = ['compose', 'capture', 'dns', 'compose-v2', 'upstreams', 'reverse', 'udp']

process.exitCode = await main(process.argv.slice(2))

/** `npm run e2e [-- NAME …]`: the scenario files whose names contain one of the words, or all of them. */
async function main(words: string[]): Promise<number> {
  const obstacle = whyNotHere()
  if (obstacle) return skip(obstacle)
  const files = scenarioFiles(words)
  if (files.length === 0) return complain(`no scenario file matches ${words.join(' ')}`)
  const lanes = laneCount(files.length)
  if (lanes === undefined) return complain('FAIRLEAD_E2E_LANES: expected a whole number from 1 to 8')
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stop.abort(name))
  // A reader that has gone (`| head`) ends the run as Ctrl-C does.
  process.stdout.on('error', () => stop.abort('a closed standard output'))
  process.stderr.on('error', () => stop.abort('a closed standard error'))
  const labs: Lab[] = []
  let passed = 0
  let failed = 0
  try {
    build()
    installPackages(say)
    for (const abandoned of abandonedLabs()) {
      say(`removing what a killed run left: ${abandoned.id}`)
      removeLab(abandoned)
    }
    while (labs.length < lanes) labs.push(createLab(labs.length))
    const waiting = [...files]
    const lane = async (lab: Lab) => {
      for (let file = waiting.shift(); file && !stop.signal.aborted; file = waiting.shift()) {
        const outcome = await runFile(lab, file, stop.signal, lanes === 1)
        passed += outcome.passed
        failed += outcome.failed
      }
    }
    await Promise.all(labs.map(lane))
  } catch (error) {
    failed += complain(error instanceof Error ? error.message : String(error))
  }
  for (const lab of labs) failed += takeDown(lab)
  if (stop.signal.aborted) failed += complain(`interrupted by ${stop.signal.reason}`)
  process.stdout.write(`${passed} passed, ${failed} failed\n`)
  return failed === 0 ? 0 : 1
}

/** How many files run at the same time, each in a lab of its own. They wait more than they work: two on two cores take little more than half the time. */
function laneCount(files: number): number | undefined {
  const wanted = process.env['FAIRLEAD_E2E_LANES'] ?? '2'
  return /^[1-8]$/.test(wanted) ? Math.min(Number(wanted), files) : undefined
}

/** So that what is tested is what stands in src/. */
function build(): void {
  if (process.env['FAIRLEAD_E2E_PROGRAM']) return
  const { status, stdout } = spawnSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, encoding: 'utf8' })
  if (status !== 0) throw new Error(`npm run build failed:\n${stdout}`)
}

interface Outcome {
  readonly passed: number
  readonly failed: number
}

/**
 * One file, on the gateway's host. What it leaves running is a failure of its own. Without tap's runner, of which no two can be at work in one
 * folder: a file prints its own TAP. `live`: as it comes, not all at the end.
 */
async function runFile(lab: Lab, file: string, stop: AbortSignal, live: boolean): Promise<Outcome> {
  const began = performance.now()
  const name = basename(file, '.e2e.ts')
  if (!live) say(`${name} begins`)
  const node = [process.execPath, '--import=tsx', '--import=./test/fixtures/stay-inside.ts', file]
  const child = spawn('ip', ['netns', 'exec', lab.namespaces.gateway, ...node], {
    cwd: ROOT,
    env: { ...labEnvironment(lab), TAP: '1', TAP_TIMEOUT: String(FILE_TIMEOUT_SECONDS) },
    stdio: ['ignore', 'pipe', live ? 'inherit' : 'pipe'],
    detached: true,
  })
  // Its own process group, so that Ctrl-C comes here first and the scenario still takes down what it set up.
  const end = () => child.pid && process.kill(-child.pid, 'SIGTERM')
  stop.addEventListener('abort', end, { once: true })
  const late = setTimeout(
    () => child.pid && process.kill(-child.pid, 'SIGKILL'),
    FILE_TIMEOUT_SECONDS * 1000 + GRACE_MS,
  )
  let tap = ''
  const said: string[] = []
  const show = (text: string) => (live ? process.stdout.write(text) : said.push(text))
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    tap += text
    show(text)
  })
  child.stderr?.setEncoding('utf8').on('data', show)
  const code = await new Promise<number>((resolve) => {
    child.once('error', () => resolve(1))
    child.once('close', (status) => resolve(status ?? 1))
  })
  clearTimeout(late)
  stop.removeEventListener('abort', end)
  process.stdout.write(said.join(''))
  const { passed, failed } = countResults(tap)
  // An interrupted scenario may not have come to its own taking-down; that is no fault of it.
  const left = stop.aborted ? 0 : endWhatIsLeft(lab)
  const outcome = { passed, failed: failed + left + (code !== 0 && failed === 0 ? 1 : 0) }
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  say(`${name}: ${outcome.passed} passed, ${outcome.failed} failed, ${seconds} s`)
  return outcome
}

/** The summary that ends a file's TAP: `# { total: 12, pass: 11, fail: 1 }`. Without one, it did not come to its end. */
function countResults(tap: string): { passed: number; failed: number } {
  const summary = [...tap.matchAll(/^# \{ total: (.*) \}$/gm)].at(-1)?.[1]
  const number = (name: string) => Number(summary?.match(new RegExp(`\\b${name}: (\\d+)`))?.[1] ?? 0)
  return { passed: number('pass'), failed: summary === undefined ? 1 : number('fail') }
}
/** Ends, and counts, the programs that a scenario left running. */
function endWhatIsLeft(lab: Lab): number {
  const left = leftInLab(lab)
  for (const program of left) {
    complain(`left running: ${program}`)
    endProgram(program)
  }
  return left.length
}

function takeDown(lab: Lab): 0 | 1 {
  try {
    removeLab(lab)
    return 0
  } catch (error) {
    return complain(error instanceof Error ? error.message : String(error))
  }
}

function scenarioFiles(words: string[]): string[] {
  return readdirSync(new URL('.', import.meta.url))
    .filter((name) => name.endsWith('.e2e.ts'))
    .filter((name) => words.length === 0 || words.some((word) => basename(name).includes(word)))
    .sort((a, b) => begins(a) - begins(b) || a.localeCompare(b))
    .map((name) => `test/e2e/${name}`)
}

function begins(name: string): number {
  const place = LONGEST.indexOf(basename(name, '.e2e.ts'))
  return place < 0 ? LONGEST.length : place
}

function whyNotHere(): string | undefined {
  if (process.platform !== 'linux') return 'they need Linux (network namespaces)'
  if (process.getuid?.() !== 0) return 'they need root (network namespaces, packages): run `sudo npm run e2e`'
  if (!existsSync('/usr/bin/apt-get')) return 'they install Debian packages and there is no apt-get'
  return undefined
}

function skip(reason: string): number {
  const inCi = process.env['CI'] === 'true'
  complain(`${inCi ? 'FAILED' : 'SKIPPED'}: the end-to-end tests did not run: ${reason}`)
  process.stdout.write(`0 passed, ${inCi ? 1 : 0} failed (not run)\n`)
  return inCi ? 1 : 0
}

function say(text: string): void {
  process.stderr.write(`e2e: ${text}\n`)
}

function complain(text: string): 1 {
  process.stderr.write(`\ne2e: ${text}\n`)
  return 1
}
