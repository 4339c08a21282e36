/**
 * Decisions per second, cold and remembered, beside pac-resolver as it comes, in one process and one run:
 *   node bench/pac/run.mjs decisions [seconds per row]
 */
import { createPacResolver } from 'pac-resolver'
import { QuickJS } from 'quickjs-wasi'
import { createPacEngine } from '../../src/pac-engine/create-pac-engine.ts'
import { SCRIPTS } from './scripts.ts'

const SECONDS = Number(process.argv[2] ?? 3)
/** Decisions under way at once. */
const CONCURRENCY = 256
const { signal } = new AbortController()
const resolver = { resolve: () => Promise.reject(new Error('no names here')) }

console.log(`script     engine cold/s   remembered/s   pac-resolver/s   factor   longest loop turn (p99, max)`)
for (const [name, script] of Object.entries(SCRIPTS)) {
  const { cold, remembered, turns } = await measureEngine(script)
  const baseline = await measurePacResolver(script)
  turns.sort((a, b) => a - b)
  const [p99 = 0, max = 0] = [turns[Math.floor(turns.length * 0.99)], turns.at(-1)]
  console.log(
    [
      name.padEnd(10),
      format(cold).padStart(12),
      format(remembered).padStart(15),
      format(baseline).padStart(16),
      `${(cold / baseline).toFixed(1)}x`.padStart(9),
      `${p99.toFixed(2)} ms, ${max.toFixed(2)} ms`.padStart(22),
    ].join(' '),
  )
}

async function measureEngine(script: string): Promise<{ cold: number; remembered: number; turns: number[] }> {
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
  const turns: number[] = []
  const stop = watchTurns(turns)
  n = 1_000_000
  const coldRate = (await concurrently(cold, SECONDS, () => n - 1_000_000)) as number
  stop()
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
  return { cold: coldRate, remembered, turns }
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

/** How long each turn of the event loop kept the main thread. */
function watchTurns(turns: number[]): () => void {
  let running = true
  let last = performance.now()
  const turn = () => {
    const now = performance.now()
    turns.push(now - last)
    last = now
    if (running) setImmediate(turn)
  }
  setImmediate(turn)
  return () => {
    running = false
  }
}

async function measurePacResolver(script: string): Promise<number> {
  const vm = await QuickJS.create()
  const find = createPacResolver(vm, script)
  for (let i = 0; i < 200; i++) await find(`http://warm${i}.example.org/`, `warm${i}.example.org`)
  let n = 0
  const began = performance.now()
  while (performance.now() < began + SECONDS * 1000) {
    const host = `www.host${n++}.example.org`
    await find(`http://${host}/`, host)
  }
  const rate = (n / (performance.now() - began)) * 1000
  vm.dispose()
  return rate
}

function format(rate: number): string {
  return Math.round(rate).toLocaleString('en')
}
