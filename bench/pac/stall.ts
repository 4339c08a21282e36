/**
 * 1,000 decisions a second that no cache answers, first alone, then while hostile evaluations of the same script run one after the other, and then while
 * crowds of built-ins that hang do, each asked for again as soon as it has failed:
 *   node bench/pac/run.mjs stall [seconds of each part] [parts, of: alone attack crowds, kinds for each kind of attack by itself, or the kinds' names; default: alone,attack,crowds]
 * What counts: the decisions' latency, and how long our turns held the main thread. On a busy machine both say more of the machine, so two controls run
 * along: a bare thread that only echoes a message for each decision, and the CPU time of each turn, to which waiting for the processor adds nothing.
 */
import { Worker } from 'node:worker_threads'
import { createPacEngine, type RunningPacEngine } from '../../src/pac-engine/create-pac-engine.ts'
import { share, type Turns, watchTurns } from './thread-time.ts'

const SECONDS = Number(process.argv[2] ?? 10)
const PARTS = (process.argv[3] ?? 'alone,attack,crowds').split(',')
const PER_SECOND = 1_000
/** Built-ins that hang at once. */
const CROWDS = [8, 24, 100, 400]
const { signal } = new AbortController()
let host = 0

const HOSTILE: Readonly<Record<string, string>> = {
  loop: 'while (true) {}',
  recursion: 'return FindProxyForURL(url, host)',
  memory: 'var a = []; while (true) a.push(new Array(1000).fill("x" + a.length))',
  regex: '/^(a+)+$/.test("a".repeat(40) + "!")',
  builtin: 'Array.prototype.indexOf.call({ length: Math.pow(2, 40) }, 1)',
  alerts: 'for (var i = 0; i < 1e6; i++) alert(i); return "DIRECT"',
  answer: 'return "PROXY a:1;".repeat(1e6)',
  getter: 'throw { get message() { while (true) {} } }',
}
const KINDS = Object.keys(HOSTILE)

const engine = createPacEngine({
  source: {
    kind: 'embedded',
    script: `function FindProxyForURL(url, host) {
${Object.entries(HOSTILE)
  .map(([name, body]) => `if (host.indexOf("${name}.hostile") === 0) { ${body} }`)
  .join('\n')}
if (dnsDomainIs(host, ".corp.example") || shExpMatch(url, "http://*.intranet/*")) return "DIRECT"
return "PROXY proxy.corp.example:3128" }`,
  },
  resolver: { resolve: () => Promise.reject(new Error('no names here')) },
})
await engine.ready
const control = startEcho()
console.log(
  'ms                decisions      p50      p99      max | bare echo: p50     p99      max | turns of the main thread, CPU: p99      max  by the wall: max',
)
// A short run first: compilers warm up, and the threads.
await steady(engine, 1)
for (const part of PARTS) {
  if (part === 'alone') report('alone', await steady(engine, SECONDS))
  else if (part === 'attack') await underAttack('under attack', KINDS)
  else if (part === 'crowds') for (const crowd of CROWDS) await besideCrowd(crowd)
  else if (part === 'kinds') for (const kind of KINDS) await underAttack(kind, [kind])
  else if (KINDS.includes(part)) await underAttack(part, [part])
  else throw new Error(`no such part: ${part}`)
}
await engine.close()
await control.close()

async function underAttack(name: string, kinds: readonly string[]): Promise<void> {
  let going = true
  const attacks = attack(kinds, () => going)
  const under = await steady(engine, SECONDS)
  going = false
  report(name, under)
  for (const [kind, { times, longest }] of await attacks) {
    console.log(`  ${kind.padEnd(10)} ended in its error ${times} times, at the latest after ${longest.toFixed(0)} ms`)
  }
}

async function besideCrowd(crowd: number): Promise<void> {
  let going = true
  const ended = Promise.all(Array.from({ length: crowd }, () => hang(() => going)))
  const beside = await steady(engine, SECONDS)
  going = false
  report(`${crowd} hang at once`, beside)
  const failed = (await ended).flat().sort((a, b) => a - b)
  console.log(
    `  ${failed.length} of them ended in their error, after ${share(failed, 0.5).toFixed(0)} ms, at the latest ${share(failed, 1).toFixed(0)}`,
  )
}

/** Asks for a host nobody knows, whose evaluation ends in a built-in without end, again and again. */
async function hang(going: () => boolean): Promise<number[]> {
  const times: number[] = []
  while (going()) {
    const began = performance.now()
    const outcome = await decide(engine, `builtin.hostile${host++}`).catch((error: unknown) => error)
    if (!(outcome instanceof Error)) throw new Error('what hangs was answered')
    times.push(performance.now() - began)
  }
  return times
}

async function attack(
  kinds: readonly string[],
  going: () => boolean,
): Promise<Map<string, { times: number; longest: number }>> {
  const seen = new Map<string, { times: number; longest: number }>()
  for (let n = 0; going(); n++) {
    for (const name of kinds) {
      if (!going()) break
      const host = `${name}.hostile${n}`
      const began = performance.now()
      const outcome = await engine.find({ url: `http://${host}:80`, host }, signal).catch((error: unknown) => error)
      if (name !== 'alerts' && !(outcome instanceof Error)) throw new Error(`${name} was answered`)
      const before = seen.get(name) ?? { times: 0, longest: 0 }
      seen.set(name, { times: before.times + 1, longest: Math.max(before.longest, performance.now() - began) })
    }
  }
  return seen
}

interface Latencies {
  /** Milliseconds, sorted. */
  readonly decisions: number[]
  readonly echoes: number[]
  readonly turns: Turns
}

async function steady(target: RunningPacEngine, seconds: number): Promise<Latencies> {
  const stop = watchTurns({ spin: false })
  const decisions: number[] = []
  const echoes: number[] = []
  const under: Promise<void>[] = []
  const began = performance.now()
  let sent = 0
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(PER_SECOND * seconds, Math.floor(((performance.now() - began) * PER_SECOND) / 1000))
      for (; sent < due; sent++) {
        under.push(
          timed(() => decide(target, `www.host${host++}.example`), decisions),
          timed(() => control.echo(), echoes),
        )
      }
      if (sent < PER_SECOND * seconds) return
      clearInterval(timer)
      resolve()
    }, 1)
  })
  await Promise.all(under)
  const turns = stop()
  for (const list of [decisions, echoes]) list.sort((a, b) => a - b)
  return { decisions, echoes, turns }
}

async function timed(work: () => Promise<unknown>, ms: number[]): Promise<void> {
  const began = performance.now()
  await work()
  ms.push(performance.now() - began)
}

function decide(target: RunningPacEngine, name: string): Promise<unknown> {
  return target.find({ url: `http://${name}:80`, host: name }, new AbortController().signal)
}

/** A thread that does nothing but send back what it is sent: as fast as anything in another thread can be here. */
function startEcho(): { echo(): Promise<void>; close(): Promise<unknown> } {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads'); parentPort.on('message', (m) => parentPort.postMessage(m))`,
    {
      eval: true,
    },
  )
  const waiting: (() => void)[] = []
  worker.on('message', () => waiting.shift()?.())
  return {
    echo: () =>
      new Promise((resolve) => {
        waiting.push(resolve)
        worker.postMessage(0)
      }),
    close: () => worker.terminate(),
  }
}

function report(name: string, { decisions, echoes, turns }: Latencies): void {
  const cells = (sorted: number[], ...parts: number[]) => parts.map((part) => cell(share(sorted, part)))
  console.log(
    [
      name.padEnd(16),
      String(decisions.length).padStart(10),
      ...cells(decisions, 0.5, 0.99, 1),
      '|   ',
      ...cells(echoes, 0.5, 0.99, 1),
      '|                         ',
      ...[turns.cpu.p99, turns.cpu.max].map(cell),
      '      ',
      cell(turns.wall.max),
    ].join(' '),
  )
}

function cell(ms: number): string {
  return ms.toFixed(2).padStart(8)
}
