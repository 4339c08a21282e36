import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { getThrough, openConnect, openSocks5, readAtLeast } from '../fixtures/clients.ts'
import { type Descriptors, startGatewayProcess } from '../fixtures/gateway-process.ts'
import { type Battlefield, HABITS } from '../fixtures/hostile-clients.ts'
import { seededRandom } from '../fixtures/seeded-random.ts'
import { loopbackCertificate } from '../fixtures/test-authority.ts'
import { linger, listen } from '../fixtures/upstreams/listen.ts'
import { startEcho, startMute } from '../fixtures/upstreams/origins.ts'

const CONNECTIONS = 10_000
/** The same mix before the first measurement, so that code is compiled, pools are filled and the allocator has its arenas. */
const WARM_UP = 1_000
/** Hostile connections open at once. */
const WAVE = 300
/** Growth that is still "back where it was". Heap after a collection, MiB: a kilobyte kept for each connection would be ten times this. */
const HEAP_MIB = 6
/** Resident memory, MiB: ten kilobytes for each connection. The allocator keeps pages for the next burst, so less would tell nothing. */
const RSS_MIB = 100
/** Milliseconds for half of the well-behaved clients while the attack runs. The attackers use the same cores, and wait for ten times as long themselves. */
const MEDIAN_MS = 2_000
/** Milliseconds after which a client may be cut: what `timeouts` below has, but for the grain of clocks. */
const SHORTEST_LIMIT_MS = 990
/** Descriptors of pipes that the relay keeps for the next tunnels. */
const POOLED = 64
/** Milliseconds for the last connection to go. */
const SETTLING_MS = 30_000
/** More than the kernel keeps for one connection (Linux: 4 MiB to send, 128 KiB received). */
const LARGE_BYTES = 5 * 2 ** 20

t.setTimeout(550_000)

t.test(
  `${CONNECTIONS} hostile connections leave descriptors and memory where they were`,
  { skip: process.platform !== 'linux' && 'reads /proc' },
  async (t) => {
    const { cert, key } = await loopbackCertificate()
    const gateway = await startGatewayProcess(t, (folder) => {
      writeFileSync(join(folder, 'cert.pem'), cert)
      writeFileSync(join(folder, 'key.pem'), key, { mode: 0o600 })
      return {
        listen: {
          mixed: ['127.0.0.1:0', { address: '127.0.0.1:0', auth: { users: { alice: 'correct' } } }],
          tls: { address: '127.0.0.1:0', cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') },
        },
        status: { listen: 'off' },
        engine: { socket: 'off' },
        timeouts: { clientHead: '1s', keepAlive: '1s', idle: '2s', responseHead: '1s', dial: '2s', attempt: '2s' },
        log: { level: 'info', format: 'json' },
      }
    })
    const mute = await startMute()
    const echo = await startEcho()
    const large = await listen((socket) => {
      linger(socket)
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE_BYTES}\r\n\r\n`)
      socket.write(Buffer.alloc(LARGE_BYTES))
    })
    t.teardown(() => Promise.all([mute.close(), echo.close(), large.close()]))
    const [mixed = 0, guarded = 0, tls = 0] = gateway.ports
    const field: Battlefield = { mixed, guarded, tls, mute: mute.port, large: large.port }
    const random = seededRandom(0x40571e)
    const idle = await gateway.descriptors()
    /** Sockets of a gateway without clients. */
    let quiet = idle.sockets
    const names = Object.keys(HABITS)

    /** So many connections, never more than a wave at once; what the gateway owed and did not do, by habit. */
    async function attack(count: number): Promise<Map<string, number>> {
      const faults = new Map<string, number>()
      let begun = 0
      const attacker = async () => {
        while (begun < count) {
          const name = names[begun++ % names.length]!
          const fault = await HABITS[name]!(field, random)
          if (fault !== undefined) faults.set(`${name}: ${fault}`, (faults.get(`${name}: ${fault}`) ?? 0) + 1)
        }
      }
      await Promise.all(Array.from({ length: WAVE }, attacker))
      return faults
    }

    /** A well-behaved client of each kind. */
    async function serveAll(): Promise<void> {
      const tunnel = await openConnect(mixed, `127.0.0.1:${echo.port}`)
      tunnel.socket.write('hello')
      const echoed = (await readAtLeast(tunnel.socket, 5)).toString()
      if (echoed !== 'hello') throw new Error(`the tunnel answered ${tunnel.status} ${tunnel.reason}, then ${echoed}`)
      tunnel.socket.destroy()
      const { socket, reply } = await openSocks5(mixed, '127.0.0.1', echo.port)
      if (reply !== 0) throw new Error(`SOCKS5 said ${reply}`)
      socket.destroy()
      const answer = await getThrough(mixed, `http://127.0.0.1:${mixed}/`)
      if (answer.status !== 508) throw new Error(`a request for the gateway itself gave ${answer.status}`)
    }

    /** Rounds that were not served: the limits here are so short that a machine which stands still for a second meets them. */
    const cut: string[] = []
    /** One round after the other, for as long as `running`. Milliseconds each took. */
    async function serveWhile(running: () => boolean): Promise<number[]> {
      const took: number[] = []
      do {
        const start = performance.now()
        const failed = await serveAll().catch((error: unknown) => error)
        const ms = performance.now() - start
        if (failed === undefined) took.push(ms)
        else if (ms >= SHORTEST_LIMIT_MS) cut.push(String(failed))
        else throw failed
      } while (running())
      return took
    }

    /** Waits until the last connection has gone, then measures. */
    async function settled(): Promise<Descriptors & { heap: number; rss: number }> {
      const deadline = performance.now() + SETTLING_MS
      while (performance.now() < deadline && (await gateway.descriptors()).sockets > quiet) {
        await gateway.report() // a turn of its event loop, and a collection
      }
      const { rss, heapUsed, external } = await gateway.report()
      return { ...(await gateway.descriptors()), heap: (heapUsed + external) / 2 ** 20, rss: rss / 2 ** 20 }
    }

    await attack(WARM_UP)
    const baseline = await settled()
    // There are a few more for a moment while the gateway starts.
    quiet = Math.min(quiet, baseline.sockets)

    let attacking = true
    const [faults, took] = await Promise.all([
      attack(CONNECTIONS).finally(() => {
        attacking = false
      }),
      serveWhile(() => attacking),
    ])
    const { longestStall } = await gateway.report()
    const after = await settled()
    const calm = await serveWhile(() => false)
    took.sort((a, b) => a - b)

    const shown = JSON.stringify({
      baseline,
      after,
      longestStall,
      served: took.length,
      median: took[took.length >> 1],
      slowest: took.at(-1),
      calm,
    })
    t.comment(shown.replace(/\.(\d)\d*/g, '.$1'))
    t.same(Object.fromEntries(faults), {}, 'every connection that the gateway had to end was ended')
    t.ok(gateway.running, 'the gateway runs')
    t.same(gateway.strayOutput, [], 'no warning, no stack trace')
    t.ok(
      after.sockets <= quiet,
      `sockets: ${idle.sockets} at first, ${baseline.sockets} before, ${after.sockets} after`,
    )
    t.ok(
      after.all <= idle.all + POOLED,
      `descriptors: ${idle.all} at first, ${baseline.all} before, ${after.all} after`,
    )
    t.ok(
      after.heap - baseline.heap < HEAP_MIB,
      `heap: ${baseline.heap.toFixed(1)} MiB before, ${after.heap.toFixed(1)} after`,
    )
    t.ok(
      after.rss - baseline.rss < RSS_MIB,
      `resident: ${baseline.rss.toFixed(0)} MiB before, ${after.rss.toFixed(0)} after`,
    )
    t.ok(
      took.length > 10 && took[took.length >> 1]! < MEDIAN_MS,
      `${took.length} rounds of good clients, the slowest ${took.at(-1)?.toFixed(0)} ms`,
    )
    t.ok(cut.length <= 1 + took.length / 20, `${cut.length} rounds were cut: ${cut.slice(0, 3).join('; ')}`)
    t.equal(await gateway.stop(), 0, 'it ends as it should')
  },
)
