import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { abandonedLabs, createLab, endProgram, type Lab, labEnvironment, leftInLab, removeLab } from './harness/lab.ts'
import { installPackages } from './harness/packages.ts'

/** The longest a single scenario file may take. The slowest, `compose`, makes a whole Debian first where none is in the cache. */
const FILE_TIMEOUT_SECONDS = 900
/** How much of a file's TAP is kept to find its summary, which comes last. */
const SUMMARY_CHARS = 4096
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const TAP = join(ROOT, 'node_modules/tap/dist/esm/run.mjs')

process.exitCode = await main(process.argv.slice(2))

/** `npm run e2e [-- NAME …]`: the scenario files whose names contain one of the words, or all of them. */
async function main(words: string[]): Promise<number> {
  const obstacle = whyNotHere()
  if (obstacle) return skip(obstacle)
  const files = scenarioFiles(words)
  if (files.length === 0) return complain(`no scenario file matches ${words.join(' ')}`)
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stop.abort(name))
  // A reader that has gone (`| head`) ends the run as Ctrl-C does.
  process.stdout.on('error', () => stop.abort('a closed standard output'))
  process.stderr.on('error', () => stop.abort('a closed standard error'))
  let lab: Lab | undefined
  let passed = 0
  let failed = 0
  try {
    build()
    installPackages(say)
    for (const abandoned of abandonedLabs()) {
      say(`removing what a killed run left: ${abandoned.id}`)
      removeLab(abandoned)
    }
    lab = createLab()
    for (const file of files) {
      if (stop.signal.aborted) break
      const outcome = await runFile(lab, file, stop.signal)
      passed += outcome.passed
      failed += outcome.failed
    }
  } catch (error) {
    failed += complain(error instanceof Error ? error.message : String(error))
  }
  if (lab) failed += takeDown(lab)
  if (stop.signal.aborted) failed += complain(`interrupted by ${stop.signal.reason}`)
  process.stdout.write(`${passed} passed, ${failed} failed\n`)
  return failed === 0 ? 0 : 1
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

/** One file under the tap runner, on the gateway's host. What it leaves running is a failure of its own. */
async function runFile(lab: Lab, file: string, stop: AbortSignal): Promise<Outcome> {
  const began = performance.now()
  const argv = [
    ...['netns', 'exec', lab.namespaces.gateway, process.execPath, TAP, 'run', '--jobs=1', '--disable-coverage'],
    ...[`--timeout=${FILE_TIMEOUT_SECONDS}`, '--reporter=tap', '--exclude=.tap/**', `--include=${file}`],
  ]
  const child = spawn('ip', argv, {
    cwd: ROOT,
    env: labEnvironment(lab),
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  // Its own process group, so that Ctrl-C comes here first and the scenario still takes down what it set up.
  const end = () => child.pid && process.kill(-child.pid, 'SIGTERM')
  stop.addEventListener('abort', end, { once: true })
  let summary = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    summary = (summary + text).slice(-SUMMARY_CHARS)
    process.stdout.write(text)
  })
  const code = await new Promise<number>((resolve) => {
    child.once('error', () => resolve(1))
    child.once('close', (status) => resolve(status ?? 1))
  })
  stop.removeEventListener('abort', end)
  const { passed, failed } = countResults(summary)
  // An interrupted scenario may not have come to its own taking-down; that is no fault of it.
  const left = stop.aborted ? 0 : endWhatIsLeft(lab)
  const outcome = { passed, failed: failed + left + (code !== 0 && failed === 0 ? 1 : 0) }
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  say(`${basename(file, '.e2e.ts')}: ${outcome.passed} passed, ${outcome.failed} failed, ${seconds} s`)
  return outcome
}

/** The summary that ends the runner's TAP: `# { total: 12, pass: 11, fail: 1 }`. */
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
    .sort()
    .map((name) => `test/e2e/${name}`)
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
