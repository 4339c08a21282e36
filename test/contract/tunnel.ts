import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import type { Socket } from 'node:net'
import type { Test } from 'tap'
import type { RelayCounts, RelayResult } from '../../src/contracts/relay.ts'
import { hasLibc } from '../../src/system/linux/libc.ts'
import { until } from '../fixtures/until.ts'
import { closed, failure, hash, read, rest, restBytes, sendUrgent, standstill, URGENT_BYTE, write } from './far-ends.ts'

/** In milliseconds; 0 for none. */
export interface TunnelLimits {
  readonly idleMs: number
  readonly lifetimeMs: number
}

/** Whoever makes tunnels: each between a program that asked for it and the one that it leads to. */
export interface Tunnels {
  open(): Promise<Running>
  close(): Promise<void>
}

export type MakeTunnels = (limits: TunnelLimits) => Promise<Tunnels>

export interface Running {
  readonly client: Socket
  readonly origin: Socket
  /** Once the tunnel is closed at both sides. */
  readonly result: Promise<RelayResult>
  /** They may lag by a second. */
  readonly counts: Readonly<RelayCounts>
  /** Ends it, as the end of a drain does; `abortsAlone`: and no other. */
  abort(): void
  readonly abortsAlone: boolean
}

export const NO_LIMITS: TunnelLimits = { idleMs: 0, lifetimeMs: 0 }

/** What every tunnel does, whatever moves its bytes. `client` and `origin` are the programs at its two ends. */
export function tunnelContract(t: Test, make: MakeTunnels): void {
  // One serves all scenes without limits, as one serves all flows of a gateway.
  let unlimited: ReturnType<MakeTunnels> | undefined
  t.teardown(async () => (await unlimited)?.close())

  const scene = (
    name: string,
    limits: TunnelLimits,
    body: (t: Test, open: Tunnels['open']) => Promise<void>,
    options: { readonly skip?: string | boolean } = {},
  ) =>
    t.test(name, options, async (t) => {
      if (limits === NO_LIMITS) {
        unlimited ??= make(limits)
        const tunnels = await unlimited
        await body(t, () => tunnels.open())
        return
      }
      const tunnels = await make(limits)
      t.teardown(() => tunnels.close())
      await body(t, () => tunnels.open())
    })

  scene('carries bytes both ways, counts them, and ends when both sides have', NO_LIMITS, async (t, open) => {
    const { client, origin, result, counts } = await open()
    client.write('question')
    t.equal(await read(origin, 8), 'question')
    origin.write('answer')
    t.equal(await read(client, 6), 'answer')
    client.end()
    t.equal(await rest(origin), '')
    origin.end('bye')
    t.equal(await rest(client), 'bye')
    const { firstByteMs, ...end } = await result
    t.same(end, { bytesUp: 8, bytesDown: 9, ended: 'finished' })
    t.ok(firstByteMs !== undefined && firstByteMs >= 0, 'time of the first byte')
    t.same(counts, { bytesUp: 8, bytesDown: 9 }, 'the live counts have it too')
  })

  for (const first of ['client', 'origin'] as const) {
    scene(`half-close: the ${first} ends first and still gets all that comes later`, NO_LIMITS, async (t, open) => {
      const running = await open()
      const [early, late] = first === 'client' ? [running.client, running.origin] : [running.origin, running.client]
      early.end('last words')
      t.equal(await rest(late), 'last words')
      const body = randomBytes(3_000_000)
      late.end(body)
      t.equal(hash(await restBytes(early)), hash(body))
      t.equal((await running.result).ended, 'finished')
    })
  }

  scene('a server that speaks first', NO_LIMITS, async (t, open) => {
    const { client, origin, result } = await open()
    origin.write('220 ready\r\n')
    t.equal(await read(client, 11), '220 ready\r\n')
    client.end()
    origin.end()
    await Promise.all([rest(client), rest(origin)])
    t.match(await result, { bytesUp: 0, bytesDown: 11, ended: 'finished' })
  })

  scene('neither side says anything', NO_LIMITS, async (t, open) => {
    const { client, origin, result } = await open()
    client.end()
    origin.end()
    await Promise.all([rest(client), rest(origin)])
    const end = await result
    t.same(end, { bytesUp: 0, bytesDown: 0, ended: 'finished' })
  })

  for (const [who, ended] of [
    ['client', 'client-reset'],
    ['origin', 'upstream-reset'],
  ] as const) {
    scene(`a reset by the ${who} is passed on as a reset`, NO_LIMITS, async (t, open) => {
      const running = await open()
      const [breaker, victim] = who === 'client' ? [running.client, running.origin] : [running.origin, running.client]
      breaker.write('x')
      t.equal(await read(victim, 1), 'x')
      breaker.resetAndDestroy()
      t.equal(await failure(victim), 'ECONNRESET')
      t.equal((await running.result).ended, ended)
    })
  }

  for (const [who, ended] of [
    ['client', 'client-reset'],
    ['origin', 'upstream-reset'],
  ] as const) {
    scene(`a reset by the ${who} right behind its bytes is no end of them`, NO_LIMITS, async (t, open) => {
      for (let round = 0; round < 20; round += 1) {
        const running = await open()
        const [breaker, victim] = who === 'client' ? [running.client, running.origin] : [running.origin, running.client]
        breaker.write('eighteen bytes, no')
        breaker.resetAndDestroy()
        const seen = await failure(victim)
        if (seen !== 'ECONNRESET') running.abort() // it would wait for the victim's own end
        t.match({ seen, ...(await running.result) }, { seen: 'ECONNRESET', ended }, `round ${round}`)
      }
    })
  }

  scene('an answer that was complete survives the reset for bytes sent too late', NO_LIMITS, async (t, open) => {
    const { client, origin, result, counts } = await open()
    client.write('request')
    t.equal(await read(origin, 7), 'request')
    origin.end('the whole answer')
    t.equal(await rest(client), 'the whole answer')
    origin.destroy() // fully closed: whatever arrives from now on is answered with a reset
    await closed(origin)
    let broken = 'no'
    client.on('error', (error: NodeJS.ErrnoException) => {
      broken = error.code ?? 'yes'
    })
    client.write('close_notify')
    await standstill(() => counts.bytesUp) // by then the reset is there
    client.write('and more')
    client.end()
    t.match(await result, { bytesDown: 16, ended: 'finished' })
    await closed(client)
    t.equal(broken, 'no', 'the client sees an orderly end')
  })

  scene('a client that leaves in the middle of a download: the origin is told at once', NO_LIMITS, async (t, open) => {
    const { client, origin, result } = await open()
    origin.on('drain', () => origin.write(chunk))
    const chunk = Buffer.alloc(1_000_000)
    origin.write(chunk)
    await once(client, 'data')
    client.destroy() // with all read: FIN first, a reset only for what comes then
    t.equal(await failure(origin), 'ECONNRESET')
    t.equal((await result).ended, 'client-reset')
  })

  scene('idle pairs are reset', { idleMs: 1_000, lifetimeMs: 0 }, async (t, open) => {
    const { client, origin, result } = await open()
    const [a, b] = await Promise.all([failure(client), failure(origin), result])
    t.same([a, b], ['ECONNRESET', 'ECONNRESET'])
    t.equal((await result).ended, 'idle')
  })

  scene(
    'a pair that moves is not idle; its lifetime ends it',
    { idleMs: 1_000, lifetimeMs: 2_500 },
    async (t, open) => {
      const { client, origin, result } = await open()
      let [last, longest] = [performance.now(), 0]
      const noted = () => {
        const now = performance.now()
        longest = Math.max(longest, now - last)
        last = now
      }
      client.on('data', () => {
        noted()
        client.write('y')
      })
      origin.on('data', () => setTimeout(() => origin.writable && origin.write('x'), 50))
      client.write('y')
      const [a, b] = await Promise.all([failure(client), failure(origin)])
      noted()
      t.same([a, b], ['ECONNRESET', 'ECONNRESET'])
      const { ended } = await result
      // Where the machine stood still, nothing moved.
      if (longest < 500) t.equal(ended, 'lifetime')
      else t.match(ended, /^(lifetime|idle)$/, `nothing moved for ${Math.round(longest)} ms`)
    },
  )

  scene('abort destroys both at once', { ...NO_LIMITS }, async (t, open) => {
    const { client, origin, result, abort } = await open()
    client.write('x')
    await read(origin, 1)
    abort()
    t.same(await Promise.all([failure(client), failure(origin)]), ['ECONNRESET', 'ECONNRESET'])
    t.match(await result, { bytesUp: 1, ended: 'aborted' })
  })

  scene('back-pressure: a reader that stands still stops the sender, and loses nothing', NO_LIMITS, async (t, open) => {
    const { client, origin, result, counts } = await open()
    const body = randomBytes(48 * 1024 * 1024)
    origin.end(body)
    const held = await standstill(() => counts.bytesDown)
    t.ok(held < body.length, `${held} bytes went out before it stopped`)
    t.ok(origin.writableLength > 0, 'the origin feels it')
    const got = restBytes(client)
    client.end()
    t.equal(hash(await got), hash(body))
    t.match(await result, { bytesDown: body.length, ended: 'finished' })
  })

  scene('both directions at full speed at once', NO_LIMITS, async (t, open) => {
    const { client, origin, result } = await open()
    const [up, down] = [randomBytes(24 * 1024 * 1024), randomBytes(24 * 1024 * 1024)]
    client.end(up)
    origin.end(down)
    const [atOrigin, atClient] = await Promise.all([restBytes(origin), restBytes(client)])
    t.equal(hash(atOrigin), hash(up))
    t.equal(hash(atClient), hash(down))
    t.match(await result, { bytesUp: up.length, bytesDown: down.length, ended: 'finished' })
  })

  // The mark is lost, the byte is not.
  const urgent = { skip: !hasLibc && 'urgent bytes are sent by the calls of Linux' }
  for (const [name, sizeBefore, sizeBehind] of URGENT) {
    for (const way of ['down', 'up'] as const) {
      scene(
        `an urgent byte stays where it is in the stream, ${way}: ${name}`,
        NO_LIMITS,
        async (t, open) => {
          const { client, origin, result, counts } = await open()
          const [before, behind] = [randomBytes(sizeBefore), randomBytes(sizeBehind)]
          const [speaker, listener] = way === 'down' ? [origin, client] : [client, origin]
          listener.end()
          const said = (async () => {
            await write(speaker, before)
            await sendUrgent(speaker)
            speaker.end(behind)
          })()
          // All of it stands in the queues, its end too, when the relay comes to the urgent byte.
          await Promise.race([said, standstill(() => counts.bytesDown + counts.bytesUp)])
          t.equal(hash(await restBytes(listener)), hash(Buffer.concat([before, URGENT_BYTE, behind])))
          await said
          const bytes = sizeBefore + 1 + sizeBehind
          t.match(await result, {
            [way === 'down' ? 'bytesDown' : 'bytesUp']: bytes,
            ended: 'finished',
          })
        },
        urgent,
      )
    }
  }

  scene(
    'urgent bytes in a stream that goes on',
    NO_LIMITS,
    async (t, open) => {
      const { client, origin, result } = await open()
      let [sent, got] = [0, 0]
      client.on('data', (chunk: Buffer) => {
        got += chunk.length
        if (got >= sent) client.emit('all')
      })
      for (const size of [2_000_000, 9, 100, 9, 1, 9]) {
        const all = once(client, 'all')
        sent += size
        origin.write(Buffer.alloc(size))
        await all
        if (size === 9) continue
        sent += URGENT_BYTE.length
        await sendUrgent(origin)
      }
      t.equal(got, sent)
      client.end()
      origin.end()
      await Promise.all([rest(client), rest(origin)])
      t.match(await result, { bytesDown: sent, ended: 'finished' })
    },
    urgent,
  )

  scene(
    'an urgent byte that nothing stands behind arrives, and so do those behind it',
    NO_LIMITS,
    async (t, open) => {
      const { client, origin, result } = await open()
      for (const [speaker, listener] of [
        [client, origin],
        [origin, client],
        [client, origin],
      ] as const) {
        await write(speaker, Buffer.from('before'))
        await sendUrgent(speaker)
        t.equal(await read(listener, 7), 'before!')
        await sendUrgent(speaker)
        t.equal(await read(listener, 1), '!')
        await sendUrgent(speaker)
        await sendUrgent(speaker)
        await write(speaker, Buffer.from('behind'))
        t.equal(await read(listener, 8), '!!behind')
      }
      client.end()
      origin.end()
      await Promise.all([rest(client), rest(origin)])
      t.match(await result, { bytesUp: 32, bytesDown: 16, ended: 'finished' })
    },
    urgent,
  )

  scene('a thousand turns of one byte', NO_LIMITS, async (t, open) => {
    const { client, origin, result } = await open()
    origin.on('data', (chunk) => origin.write(chunk))
    origin.on('end', () => origin.end())
    for (let turn = 0; turn < 1_000; turn += 1) {
      client.write(String(turn % 10))
      const answer = await read(client, 1)
      if (answer !== String(turn % 10)) t.fail(`turn ${turn} came back as ${answer}`)
    }
    client.end()
    await rest(client)
    t.match(await result, { bytesUp: 1_000, bytesDown: 1_000, ended: 'finished' })
  })

  scene('three hundred pairs that end in every way leave no descriptor behind', NO_LIMITS, async (t, open) => {
    const first = await endInWay(0, await open()) // whatever is made once is made before the count
    await Promise.all([first.result, closed(first.client), closed(first.origin)])
    const before = readdirSync('/proc/self/fd').length
    for (let round = 0; round < 6; round += 1) {
      const pairs = await Promise.all(Array.from({ length: 50 }, () => open()))
      const all = await Promise.all(pairs.map((pair, way) => endInWay(way, pair)))
      await Promise.all(all.map(({ result, client, origin }) => Promise.all([result, closed(client), closed(origin)])))
    }
    // Others of this process may have one open for a moment.
    await until('no descriptor is left', () => readdirSync('/proc/self/fd').length <= before)
    t.pass()
  })
}

/** Bytes before an urgent one, and behind it. */
const URGENT: readonly [name: string, before: number, behind: number][] = [
  ['much before it, little behind', 2_500_000, 1_000],
  ['much before it, much behind', 1_300_000, 1_300_000],
  ['little before it, much behind', 1, 1_300_000],
  ['nothing behind it', 2_500_000, 0],
]

/** Six ways for a pair to end, picked by number. */
async function endInWay(way: number, pair: Running): Promise<Running> {
  const { client, origin, abort, abortsAlone } = pair
  client.resume()
  origin.resume()
  const ways: (() => void)[][] = [
    [() => client.end('a'), () => origin.end('b')],
    [() => client.resetAndDestroy()],
    [() => origin.resetAndDestroy()],
    [() => (abortsAlone ? abort() : origin.resetAndDestroy())],
    [() => client.end(randomBytes(100_000)), () => origin.end(randomBytes(100_000))],
    [() => client.on('end', () => client.end()), () => origin.end('bye')],
  ]
  for (const step of ways[way % ways.length]!) step()
  return pair
}
