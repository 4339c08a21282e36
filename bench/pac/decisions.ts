/**
 * Decisions per second, cold and remembered, beside pac-resolver as it comes, in one process and one run:
 *   node bench/pac/run.mjs decisions [seconds per row] [--json]
 */
import { createPacResolver } from 'pac-resolver'
import { QuickJS } from 'quickjs-wasi'
import { createPacEngine } from '../../src/pac-engine/create-pac-engine.ts'
import { SCRIPTS } from './scripts.ts'
import { processMs, type Turns, threadMs, watchTurns } from './thread-time.ts'

const SECONDS = Number(process.argv[2] ?? 3)
/** Decisions under way at once. */
const CONCURRENCY = 256
const { signal } = new AbortController()
const resolver = { resolve: () => Promise.reject(new Error('no names here')) }

const asJson = process.argv.includes('--json')

/** What `--json` says of one script. Rates a second; CPU in microseconds of all threads a decision. */
export interface DecisionRates {
  readonly script: string
  readonly engine: number
  readonly engineCpuUs: number
  readonly remembered: number
  readonly pacResolver: number
  readonly pacResolverCpuUs: number
}

if (!asJson) {
  console.log(
    'script     engine cold/s  remembered/s  pac-resolver/s  factor | per CPU-second: engine  pac-resolver  factor | main thread: µs a decision, turn p99, max (ms of CPU; max by the wall)',
  )
}
for (const [name, script] of Object.entries(SCRIPTS)) {
  const ours = await measureEngine(script)
  const theirs = await measurePacResolver(script)
  console.log(asJson ? JSON.stringify(ratesOf(name, ours, theirs)) : lineOf(name, ours, theirs))
}

function ratesOf(script: string, ours: Measured, theirs: Theirs): DecisionRates {
  return {
    script,
    engine: ours.cold,
    engineCpuUs: 1e6 / ours.coldPerCpu,
    remembered: ours.remembered,
    pacResolver: theirs.rate,
    pacResolverCpuUs: 1e6 / theirs.perCpu,
  }
}

function lineOf(
  name: string,
  { cold, coldPerCpu, mainUs, remembered, turns }: Measured,
  { rate, perCpu }: Theirs,
): string {
  return [
    name.padEnd(10),
    format(cold).padStart(13),
    format(remembered).padStart(13),
    format(rate).padStart(15),
    `${(cold / rate).toFixed(1)}x`.padStart(7),
    '|',
    format(coldPerCpu).padStart(22),
    format(perCpu).padStart(13),
    `${(coldPerCpu / perCpu).toFixed(1)}x`.padStart(7),
    '|',
    `${mainUs.toFixed(1).padStart(26)}, ${turns.cpu.p99.toFixed(2)}, ${turns.cpu.max.toFixed(2)} (${turns.wall.max.toFixed(1)})`,
  ].join(' ')
}

interface Theirs {
  readonly rate: number
  readonly perCpu: number
}

interface Measured {
  readonly cold: number
  /** Decisions for each second of CPU that the process used, all threads together. */
  readonly coldPerCpu: number
  /** CPU of the main thread, the benchmark's own share in it. */
  readonly mainUs: number
  readonly remembered: number
  readonly turns: Turns
}

async function measureEngine(script: string): Promise<Measured> {
  const engine = createPacEngine({ source: { kind: 'embedded', script }, resolver })
  await engine.ready
  let n = 0
  const cold = async (until: number) => {
    const { signal } = new AbortController()
    while (performance.now() < until) {
      const host = `www.host${n++}.example.org`
      await engine.find({ url: `http://${host}:80`, host }, signal)
    }
  }
  await concurrently(cold, 0.5)
  // Turns first, for looking at each costs something; then speed.
  const stop = watchTurns({ spin: true })
  await concurrently(cold, 1)
  const turns = stop()
  const first = n
  const [cpu, main] = [processMs(), threadMs()]
  const coldRate = await concurrently(cold, SECONDS, () => n - first)
  const decisions = n - first
  const coldPerCpu = (decisions / (processMs() - cpu)) * 1000
  const mainUs = ((threadMs() - main) / decisions) * 1000
  const hosts = Array.from({ length: 100 }, (_, i) => ({
    url: `http://known${i}.example:80`,
    host: `known${i}.example`,
  }))
  for (const query of hosts) await engine.find(query, signal)
  let hits = 0
  const began = performance.now()
  while (performance.now() < began + (SECONDS * 1000) / 2) {
    for (const query of hosts) await engine.find(query, signal)
    hits += hosts.length
  }
  const remembered = (hits / (performance.now() - began)) * 1000
  await engine.close()
  return { cold: coldRate, coldPerCpu, mainUs, remembered, turns }
}

async function concurrently(
  work: (until: number) => Promise<void>,
  seconds: number,
  done: () => number = () => 0,
): Promise<number> {
  const began = performance.now()
  const until = began + seconds * 1000
  await Promise.all(Array.from({ length: CONCURRENCY }, () => work(until)))
  return (done() / (performance.now() - began)) * 1000
}

async function measurePacResolver(script: string): Promise<Theirs> {
  const vm = await QuickJS.create()
  const find = createPacResolver(vm, script)
  for (let i = 0; i < 200; i++) await find(`http://warm${i}.example.org/`, `warm${i}.example.org`)
  let n = 0
  const began = performance.now()
  const cpu = processMs()
  while (performance.now() < began + SECONDS * 1000) {
    const host = `www.host${n++}.example.org`
    await find(`http://${host}/`, host)
  }
  const rate = (n / (performance.now() - began)) * 1000
  const perCpu = (n / (processMs() - cpu)) * 1000
  vm.dispose()
  return { rate, perCpu }
}

function format(rate: number): string {
  return Math.round(rate).toLocaleString('en')
}
