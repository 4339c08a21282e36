import { createHash, randomBytes } from 'node:crypto'
import { getEventListeners, once } from 'node:events'
import { readdirSync } from 'node:fs'
import type { Socket } from 'node:net'
import type { Test } from 'tap'
import type { Relay, RelayCounts, RelayResult } from '../../src/contracts/relay.ts'
import { lastRead } from '../fixtures/last-read.ts'
import { type SocketPair, tcpPair } from '../fixtures/socket-pair.ts'

export type MakeRelay = (limits: {
  idleMs: number
  lifetimeMs: number
}) => Promise<{ relay: Relay; close(): Promise<void> }>

interface Running {
  readonly client: Socket
  readonly origin: Socket
  readonly near: SocketPair['near']
  readonly upstream: SocketPair['near']
  readonly result: Promise<RelayResult>
  readonly abort: AbortController
  readonly counts: RelayCounts
}

const NO_LIMITS = { idleMs: 0, lifetimeMs: 0 }

/** What every relay does, between plain TCP sockets. `client` and `origin` are the programs at the two far ends. */
export function relayContract(t: Test, make: MakeRelay): void {
  const run = async (
    relay: Relay,
    prepare?: (near: Socket, upstream: Socket) => void | Promise<void>,
  ): Promise<Running> => {
    const [a, b] = await Promise.all([tcpPair(), tcpPair()])
    await prepare?.(a.near, b.near)
    const abort = new AbortController()
    const counts = { bytesUp: 0, bytesDown: 0 }
    const result = relay(a.near, b.near, abort.signal, counts)
    return { client: a.far, origin: b.far, near: a.near, upstream: b.near, result, abort, counts }
  }

  // One relay serves all scenes without limits, as one serves all flows of a gateway.
  let unlimited: ReturnType<MakeRelay> | undefined
  t.teardown(async () => (await unlimited)?.close())

  const scene = (name: string, limits: typeof NO_LIMITS, body: (t: Test, relay: Relay) => Promise<void>) =>
    t.test(name, async (t) => {
      if (limits === NO_LIMITS) {
        unlimited ??= make(limits)
        await body(t, (await unlimited).relay)
        return
      }
      const { relay, close } = await make(limits)
      t.teardown(close)
      await body(t, relay)
    })

  scene('carries bytes both ways, counts them, and ends when both sides have', NO_LIMITS, async (t, relay) => {
    const { client, origin, near, upstream, result, counts } = await run(relay)
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
    t.ok(near.closed && upstream.closed, 'both Conns are closed when it resolves')
  })

  for (const first of ['client', 'origin'] as const) {
    scene(`half-close: the ${first} ends first and still gets all that comes later`, NO_LIMITS, async (t, relay) => {
      const running = await run(relay)
      const [early, late] = first === 'client' ? [running.client, running.origin] : [running.origin, running.client]
      early.end('last words')
      t.equal(await rest(late), 'last words')
      const body = randomBytes(3_000_000)
      late.end(body)
      t.equal(hash(await restBytes(early)), hash(body))
      t.equal((await running.result).ended, 'finished')
    })
  }

  scene('a server that speaks first', NO_LIMITS, async (t, relay) => {
    const { client, origin, result } = await run(relay)
    origin.write('220 ready\r\n')
    t.equal(await read(client, 11), '220 ready\r\n')
    client.end()
    origin.end()
    await Promise.all([rest(client), rest(origin)])
    t.match(await result, { bytesUp: 0, bytesDown: 11, ended: 'finished' })
  })

  scene('neither side says anything', NO_LIMITS, async (t, relay) => {
    const { client, origin, result } = await run(relay)
    client.end()
    origin.end()
    await Promise.all([rest(client), rest(origin)])
    const end = await result
    t.same(end, { bytesUp: 0, bytesDown: 0, ended: 'finished' })
  })

  scene('bytes that were put back or had already arrived come first', NO_LIMITS, async (t, relay) => {
    const { client, origin, near, result } = await run(relay, async (near, upstream) => {
      near.unshift(Buffer.from('early '))
      upstream.unshift(Buffer.from('banner '))
    })
    t.ok(near)
    client.end('later')
    origin.end('and more')
    const [atOrigin, atClient] = await Promise.all([rest(origin), rest(client)])
    t.equal(atOrigin, 'early later')
    t.equal(atClient, 'banner and more')
    t.match(await result, { bytesUp: 11, bytesDown: 15, ended: 'finished' })
  })

  scene('a side that had been read to its end before', NO_LIMITS, async (t, relay) => {
    const [a, b] = await Promise.all([tcpPair(), tcpPair()])
    a.far.end()
    a.near.resume()
    await once(a.near, 'end')
    const result = relay(a.near, b.near, new AbortController().signal)
    t.equal(await rest(b.far), '', 'its end is passed on')
    b.far.end('the late reply')
    t.equal(await rest(a.far), 'the late reply')
    t.match(await result, { bytesUp: 0, bytesDown: 14, ended: 'finished' })
  })

  scene('a side that was destroyed before', NO_LIMITS, async (t, relay) => {
    const { origin, result, near } = await run(relay, async (near) => {
      near.destroy()
      await once(near, 'close')
    })
    t.equal(await failure(origin), 'ECONNRESET')
    t.match(await result, { ended: 'client-reset' })
    t.ok(near.closed)
  })

  for (const [who, ended] of [
    ['client', 'client-reset'],
    ['origin', 'upstream-reset'],
  ] as const) {
    scene(`a reset by the ${who} is passed on as a reset`, NO_LIMITS, async (t, relay) => {
      const running = await run(relay)
      const [breaker, victim] = who === 'client' ? [running.client, running.origin] : [running.origin, running.client]
      breaker.write('x')
      t.equal(await read(victim, 1), 'x')
      breaker.resetAndDestroy()
      t.equal(await failure(victim), 'ECONNRESET')
      t.equal((await running.result).ended, ended)
      t.ok(running.near.closed && running.upstream.closed)
    })
  }

  for (const [who, ended] of [
    ['client', 'client-reset'],
    ['origin', 'upstream-reset'],
  ] as const) {
    scene(`a reset by the ${who} right behind its bytes is no end of them`, NO_LIMITS, async (t, relay) => {
      for (let round = 0; round < 20; round += 1) {
        const running = await run(relay)
        const [breaker, victim] = who === 'client' ? [running.client, running.origin] : [running.origin, running.client]
        breaker.write('eighteen bytes, no')
        breaker.resetAndDestroy()
        const seen = await failure(victim)
        if (seen !== 'ECONNRESET') running.abort.abort() // it would wait for the victim's own end
        t.match({ seen, ...(await running.result) }, { seen: 'ECONNRESET', ended }, `round ${round}`)
      }
    })
  }

  scene('an answer that was complete survives the reset for bytes sent too late', NO_LIMITS, async (t, relay) => {
    const { client, origin, result, counts } = await run(relay)
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

  scene('a client that leaves in the middle of a download: the origin is told at once', NO_LIMITS, async (t, relay) => {
    const { client, origin, result } = await run(relay)
    origin.on('drain', () => origin.write(chunk))
    const chunk = Buffer.alloc(1_000_000)
    origin.write(chunk)
    await once(client, 'data')
    client.destroy() // with all read: FIN first, a reset only for what comes then
    t.equal(await failure(origin), 'ECONNRESET')
    t.equal((await result).ended, 'client-reset')
  })

  scene('idle pairs are reset', { idleMs: 120, lifetimeMs: 0 }, async (t, relay) => {
    const { client, origin, result } = await run(relay)
    const [a, b] = await Promise.all([failure(client), failure(origin), result])
    t.same([a, b], ['ECONNRESET', 'ECONNRESET'])
    t.equal((await result).ended, 'idle')
  })

  scene('a pair that moves is not idle; its lifetime ends it', { idleMs: 200, lifetimeMs: 900 }, async (t, relay) => {
    const { client, origin, result } = await run(relay)
    client.on('data', () => client.write('y'))
    origin.on('data', () => setTimeout(() => origin.writable && origin.write('x'), 50))
    client.write('y')
    const [a, b] = await Promise.all([failure(client), failure(origin)])
    t.same([a, b], ['ECONNRESET', 'ECONNRESET'])
    t.equal((await result).ended, 'lifetime')
  })

  scene('abort destroys both at once', NO_LIMITS, async (t, relay) => {
    const { client, origin, result, abort } = await run(relay)
    client.write('x')
    await read(origin, 1)
    abort.abort()
    t.same(await Promise.all([failure(client), failure(origin)]), ['ECONNRESET', 'ECONNRESET'])
    t.match(await result, { bytesUp: 1, ended: 'aborted' })
    t.equal(getEventListeners(abort.signal, 'abort').length, 0, 'no listener left on the signal')
  })

  scene('a signal that was aborted before', NO_LIMITS, async (t, relay) => {
    const [a, b] = await Promise.all([tcpPair(), tcpPair()])
    const result = relay(a.near, b.near, AbortSignal.abort())
    t.same(await Promise.all([failure(a.far), failure(b.far)]), ['ECONNRESET', 'ECONNRESET'])
    t.equal((await result).ended, 'aborted')
  })

  scene(
    'back-pressure: a reader that stands still stops the sender, and loses nothing',
    NO_LIMITS,
    async (t, relay) => {
      const { client, origin, result, counts } = await run(relay)
      const body = randomBytes(48 * 1024 * 1024)
      origin.end(body)
      const held = await standstill(() => counts.bytesDown)
      t.ok(held < body.length, `${held} bytes went out before it stopped`)
      t.ok(origin.writableLength > 0, 'the origin feels it')
      const got = restBytes(client)
      client.end()
      t.equal(hash(await got), hash(body))
      t.match(await result, { bytesDown: body.length, ended: 'finished' })
    },
  )

  scene('both directions at full speed at once', NO_LIMITS, async (t, relay) => {
    const { client, origin, result } = await run(relay)
    const [up, down] = [randomBytes(24 * 1024 * 1024), randomBytes(24 * 1024 * 1024)]
    client.end(up)
    origin.end(down)
    const [atOrigin, atClient] = await Promise.all([restBytes(origin), restBytes(client)])
    t.equal(hash(atOrigin), hash(up))
    t.equal(hash(atClient), hash(down))
    t.match(await result, { bytesUp: up.length, bytesDown: down.length, ended: 'finished' })
  })

  for (const [name, sizeBefore, sizeBehind] of URGENT) {
    scene(`no byte is lost around an urgent one: ${name}`, NO_LIMITS, async (t, relay) => {
      const { client, origin, result, counts } = await run(relay)
      const [before, behind] = [randomBytes(sizeBefore), randomBytes(sizeBehind)]
      client.end()
      const said = (async () => {
        await write(origin, before)
        await sendUrgent(origin)
        origin.end(behind)
      })()
      // All of it stands in the queues, its end too, when the relay comes to the urgent byte.
      await Promise.race([said, standstill(() => counts.bytesDown)])
      t.equal(
        hash(await restBytes(client)),
        hash(Buffer.concat([before, behind])),
        'the urgent byte is not of the stream',
      )
      await said
      t.equal((await result).ended, 'finished')
    })
  }

  scene('urgent bytes in a stream that goes on', NO_LIMITS, async (t, relay) => {
    const { client, origin, result } = await run(relay)
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
      if (size !== 9) await sendUrgent(origin)
    }
    t.equal(got, sent)
    client.end()
    origin.end()
    await Promise.all([rest(client), rest(origin)])
    t.match(await result, { bytesDown: sent, ended: 'finished' })
  })

  scene('a thousand turns of one byte', NO_LIMITS, async (t, relay) => {
    const { client, origin, result } = await run(relay)
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

  scene('three hundred pairs that end in every way leave no descriptor behind', NO_LIMITS, async (t, relay) => {
    const first = await endInWay(0, await run(relay)) // whatever is made once is made before the count
    await Promise.all([first.result, closed(first.client), closed(first.origin)])
    const before = readdirSync('/proc/self/fd').length
    for (let round = 0; round < 6; round += 1) {
      const pairs = await Promise.all(Array.from({ length: 50 }, () => run(relay)))
      const all = await Promise.all(pairs.map((pair, way) => endInWay(way, pair)))
      await Promise.all(all.map(({ result, client, origin }) => Promise.all([result, closed(client), closed(origin)])))
    }
    t.equal(readdirSync('/proc/self/fd').length, before)
  })
}

/** Bytes before an urgent one, and behind it. */
const URGENT: readonly [name: string, before: number, behind: number][] = [
  ['much before it, little behind', 2_500_000, 1_000],
  ['much before it, much behind', 1_300_000, 1_300_000],
  ['little before it, much behind', 1, 1_300_000],
  ['nothing behind it', 2_500_000, 0],
]

/** One byte with MSG_OOB, which Node cannot send. */
async function sendUrgent(socket: Socket): Promise<void> {
  const { send } = await import('../../src/system/linux/sockets.ts')
  const { fd } = (socket as unknown as { _handle: { fd: number } })._handle
  if (send(fd, Buffer.from('!'), 1, MSG_OOB) !== 1) throw new Error('no urgent byte could be sent')
}
const MSG_OOB = 1

/** Six ways for a pair to end, picked by number. */
async function endInWay(way: number, pair: Running): Promise<Running> {
  const { client, origin, abort } = pair
  client.resume()
  origin.resume()
  const ways: (() => void)[][] = [
    [() => client.end('a'), () => origin.end('b')],
    [() => client.resetAndDestroy()],
    [() => origin.resetAndDestroy()],
    [() => client.write('x'), () => abort.abort()],
    [() => client.end(randomBytes(100_000)), () => origin.end(randomBytes(100_000))],
    [() => client.on('end', () => client.end()), () => origin.end('bye')],
  ]
  for (const step of ways[way % ways.length]!) step()
  return pair
}

const closed = async (socket: Socket): Promise<void> => {
  if (!socket.closed) await once(socket, 'close').catch(() => {})
}

const hash = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

async function read(socket: Socket, bytes: number): Promise<string> {
  for (;;) {
    const chunk = socket.read(bytes) as Buffer | null
    if (chunk) return chunk.toString('latin1')
    await once(socket, 'readable')
  }
}

/** Until the system has it. */
const write = (socket: Socket, bytes: Buffer): Promise<void> =>
  new Promise((resolve) => socket.write(bytes, () => resolve()))

async function restBytes(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  if (!socket.readableEnded) await once(socket, 'end')
  return Buffer.concat(chunks)
}

const rest = async (socket: Socket): Promise<string> => (await restBytes(socket)).toString('latin1')

/** The error code the socket breaks with, or `'end'` for an orderly one. */
function failure(socket: Socket): Promise<string> {
  if (socket.errored) return Promise.resolve((socket.errored as NodeJS.ErrnoException).code ?? '')
  return new Promise((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
    socket.on('end', () => resolve(lastRead(socket)))
    socket.resume()
  })
}

/** Looks until a number has stopped growing for longer than live counts may lag (a second), and gives it. */
function standstill(read: () => number): Promise<number> {
  return new Promise((resolve) => {
    let last = -1
    let same = 0
    const look = setInterval(() => {
      const now = read()
      same = now > 0 && now === last ? same + 1 : 0
      last = now
      if (same < 50) return
      clearInterval(look)
      resolve(now)
    }, 25)
  })
}
