/**
 * A day's decisions at once; memory must be flat:
 *   node bench/pac/run.mjs soak [decisions, 10 million unless said]
 * Every decision is another URL, so each is evaluated, VMs are replaced, the cache turns over; one in a thousand looks up a name, one in ten thousand throws.
 */
import { createPacEngine } from '../../src/pac-engine/create-pac-engine.ts'

const DECISIONS = Number(process.argv[2] ?? 10_000_000)
const CONCURRENCY = 256
const SAMPLES = 20
/** Growth from the second quarter's mean to the last one's that counts as a leak, of resident memory. */
const ALLOWED = 1.1

let threads = 0
process.on('worker', (worker) => {
  threads++
  worker.on('exit', () => threads--)
})
const engine = createPacEngine({
  // A machine that starves its threads makes others start, each with a heap and a VM of its own; that is not what is measured.
  limits: { maxThreads: 2 },
  source: {
    kind: 'embedded',
    script: `function FindProxyForURL(url, host) {
  if (host.indexOf("name") === 0) return isInNet(host, "10.0.0.0", "255.0.0.0") ? "DIRECT" : "PROXY p:1";
  if (host.indexOf("throw") === 0) throw new Error("as told: " + host);
  if (isPlainHostName(host) || dnsDomainIs(host, ".corp.example")) return "DIRECT";
  return "PROXY " + host + ":3128; DIRECT";
}`,
  },
  resolver: {
    resolve: async (name) => [{ address: name.length % 2 ? '10.0.0.1' : '192.0.2.1', family: 4 }],
  },
})
await engine.ready
const memory: number[] = []
let next = 0
let failures = 0
const began = performance.now()
console.log('decisions      seconds   resident MB   heap MB   threads')
await Promise.all(Array.from({ length: CONCURRENCY }, work))
await engine.close()

const quarter = Math.floor(memory.length / 4)
const mean = (from: number, to: number) => memory.slice(from, to).reduce((sum, value) => sum + value, 0) / (to - from)
const early = mean(quarter, 2 * quarter)
const late = mean(memory.length - quarter, memory.length)
const flat = late <= early * ALLOWED
console.log(`${failures} decisions failed, ${Math.floor(DECISIONS / 10_000)} were told to`)
console.log(`second quarter ${early.toFixed(1)} MB, last ${late.toFixed(1)} MB: ${flat ? 'flat' : 'GROWING'}`)
if (!flat || failures !== Math.floor(DECISIONS / 10_000)) process.exitCode = 1

async function work(): Promise<void> {
  const { signal } = new AbortController()
  while (next < DECISIONS) {
    const n = ++next
    if (n % Math.floor(DECISIONS / SAMPLES) === 0) sample(n)
    const kind = n % 10_000 === 0 ? 'throw' : n % 1_000 === 1 ? 'name' : 'www'
    const host = `${kind}${n}.example`
    try {
      await engine.find({ url: `http://${host}:80`, host }, signal)
    } catch {
      failures++
    }
  }
}

function sample(n: number): void {
  globalThis.gc?.()
  const { rss, heapUsed } = process.memoryUsage()
  memory.push(rss / 1e6)
  const seconds = ((performance.now() - began) / 1000).toFixed(0)
  console.log(
    `${String(n).padStart(9)} ${seconds.padStart(12)} ${(rss / 1e6).toFixed(1).padStart(13)} ${(heapUsed / 1e6).toFixed(1).padStart(9)} ${String(threads).padStart(9)}`,
  )
}
