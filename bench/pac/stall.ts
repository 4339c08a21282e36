/**
 * 1,000 decisions a second that no cache answers, first alone and then while hostile evaluations of the same script run one after the other:
 *   node bench/pac/run.mjs stall [seconds of each part]
 * What counts: the decisions' latency, and how long the main thread was held.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createPacEngine, type RunningPacEngine } from '../../src/pac-engine/create-pac-engine.ts'

const SECONDS = Number(process.argv[2] ?? 10)
const PER_SECOND = 1_000
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
console.log('                  decisions   p50 ms   p99 ms   max ms   loop delay p99 ms   max ms')
// A short run first: compilers warm up, and the threads.
await steady(engine, 1)
report('alone', await steady(engine, SECONDS))
let going = true
const attacks = attack(() => going)
const under = await steady(engine, SECONDS)
going = false
report('under attack', under)
for (const [name, { times, longest }] of await attacks) {
  console.log(`  ${name.padEnd(10)} ended in its error ${times} times, at the latest after ${longest.toFixed(0)} ms`)
}
await engine.close()

async function attack(going: () => boolean): Promise<Map<string, { times: number; longest: number }>> {
  const seen = new Map<string, { times: number; longest: number }>()
  for (let n = 0; going(); n++) {
    for (const name of Object.keys(HOSTILE)) {
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
  readonly ms: number[]
  readonly delayP99: number
  readonly delayMax: number
}

async function steady(target: RunningPacEngine, seconds: number): Promise<Latencies> {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const ms: number[] = []
  const under: Promise<void>[] = []
  const began = performance.now()
  let sent = 0
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(PER_SECOND * seconds, Math.floor(((performance.now() - began) * PER_SECOND) / 1000))
      for (; sent < due; sent++) under.push(one(target, `www.host${host++}.example`, ms))
      if (sent < PER_SECOND * seconds) return
      clearInterval(timer)
      resolve()
    }, 1)
  })
  await Promise.all(under)
  delay.disable()
  return { ms: ms.sort((a, b) => a - b), delayP99: delay.percentile(99) / 1e6 - 1, delayMax: delay.max / 1e6 - 1 }
}

async function one(target: RunningPacEngine, name: string, ms: number[]): Promise<void> {
  const began = performance.now()
  await target.find({ url: `http://${name}:80`, host: name }, new AbortController().signal)
  ms.push(performance.now() - began)
}

function report(name: string, { ms, delayP99, delayMax }: Latencies): void {
  const at = (share: number) => ms[Math.min(ms.length - 1, Math.floor(ms.length * share))] ?? 0
  const cells = [at(0.5), at(0.99), at(1)].map((value) => value.toFixed(2).padStart(8))
  console.log(
    `${name.padEnd(16)} ${String(ms.length).padStart(10)} ${cells.join(' ')} ${delayP99.toFixed(2).padStart(19)} ${delayMax.toFixed(2).padStart(8)}`,
  )
}
