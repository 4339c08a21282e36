import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import type { Test } from 'tap'
import type { StreamDialer } from '../../src/contracts/dialer.ts'
import { GatewayError } from '../../src/contracts/gateway-error.ts'
import type { Target } from '../../src/contracts/target.ts'
import { readAll, readExactly } from '../fixtures/reading.ts'
import { until } from '../fixtures/until.ts'
import { type Listening, listen, unusedPort } from '../fixtures/upstreams/listen.ts'
import { startBanner, startEcho, startLateReply, startSpeakAndEnd } from '../fixtures/upstreams/origins.ts'
import { connContract } from './conn.ts'

/** A dialer together with the servers on its way, so that what it leaves open can be seen. */
export interface Way {
  readonly dialer: StreamDialer
  readonly servers: readonly Listening[]
  close(): Promise<void>
}

/** What every dialer does (contracts/dialer.ts). `make` builds a fresh way for each scene. */
export function streamDialerContract(t: Test, make: () => Promise<Way>): void {
  const scene = (name: string, body: (t: Test, way: Way) => Promise<void>) =>
    t.test(name, async (t) => {
      const way = await make()
      t.teardown(() => way.close())
      await body(t, way)
    })

  t.test('its connections are Conns', (t) => {
    connContract(t, async () => {
      const way = await make()
      const accepted: Socket[] = []
      const origin = await listen((socket) => void accepted.push(socket))
      const conn = await way.dialer.dial(at(origin), { signal: new AbortController().signal })
      await until('the origin to be reached', () => accepted.length === 1)
      t.teardown(async () => {
        await origin.close()
        await way.close()
      })
      return { conn, peer: accepted[0]! }
    })
    t.end()
  })

  scene('what the target says first is delivered, whole and in order', async (t, { dialer }) => {
    const banner = `220 ready ${'x'.repeat(40_000)}\r\n`
    const origin = await startBanner(banner)
    t.teardown(() => origin.close())
    const conn = await dialer.dial(at(origin), alive())
    t.equal(await readExactly(conn, banner.length), banner)
    conn.end('hello')
    t.equal((await readAll(conn)).toString(), 'hello')
  })

  scene('a target that speaks and ends at once is heard, and can still be told something', async (t, { dialer }) => {
    const origin = await startSpeakAndEnd('all I have to say')
    t.teardown(() => origin.close())
    const conn = await dialer.dial(at(origin), alive())
    t.equal((await readAll(conn)).toString(), 'all I have to say')
    conn.end('and I')
    t.equal(await origin.received, 'and I')
  })

  scene('a target that answers only after our end is heard', async (t, { dialer }) => {
    const origin = await startLateReply()
    t.teardown(() => origin.close())
    const conn = await dialer.dial(at(origin), alive())
    conn.end(Buffer.alloc(100_000))
    t.equal((await readAll(conn)).toString(), 'got 100000 bytes')
  })

  scene('a target that refuses: a GatewayError, and nothing is left open', async (t, { dialer, servers }) => {
    const port = await unusedPort()
    const error = await failure(dialer.dial({ host: '127.0.0.1', family: 4, port }, alive()))
    t.type(error, GatewayError)
    t.ok(error.hop, 'names the hop that failed')
    await nothingOpen(servers)
  })

  scene('an aborted signal: rejects with its reason and dials nobody', async (t, { dialer, servers }) => {
    const reason = new GatewayError('CLIENT_GONE', 'the client has gone')
    const error = await failure(dialer.dial(NOWHERE, { signal: AbortSignal.abort(reason) }))
    t.equal(error, reason)
    await nothingOpen(servers)
  })

  scene('abort at any moment: the reason, or a Conn; nothing is left open', async (t, { dialer, servers }) => {
    const origin = await startEcho()
    t.teardown(() => origin.close())
    const reason = new GatewayError('CLIENT_GONE', 'the client has gone')
    let aborted = 0
    for (let turns = 0; turns < 40; turns++) {
      const controller = new AbortController()
      const dialing = dialer.dial(at(origin), { signal: controller.signal }).then(
        (conn) => void conn.destroy(),
        (error: unknown) => {
          t.equal(error, reason)
          aborted += 1
        },
      )
      for (let left = turns; left > 0; left--) await turn()
      controller.abort(reason)
      await dialing
    }
    t.ok(aborted > 0, `${aborted} of 40 came in time to stop it`)
    await nothingOpen([...servers, origin])
  })

  scene('many at once do not get in each other’s way', async (t, { dialer, servers }) => {
    const origin = await startEcho()
    t.teardown(() => origin.close())
    const texts = Array.from({ length: 25 }, (_, index) => `flow number ${index}`)
    const answers = await Promise.all(
      texts.map(async (text) => {
        const conn = await dialer.dial(at(origin), alive())
        conn.end(text)
        const answer = (await readAll(conn)).toString()
        if (!conn.destroyed) await Promise.race([once(conn, 'close'), turn()])
        conn.destroy()
        return answer
      }),
    )
    t.same(answers, texts)
    await nothingOpen([...servers, origin])
  })
}

/** Port 9 is discard; nothing ever gets that far. */
const NOWHERE: Target = { host: '127.0.0.1', family: 4, port: 9 }

function alive(): { signal: AbortSignal } {
  return { signal: new AbortController().signal }
}

function at(listening: Listening): Target {
  return { host: listening.host, family: 4, port: listening.port }
}

export async function failure(promise: Promise<unknown>): Promise<GatewayError> {
  return promise.then(
    () => {
      throw new Error('it was expected to fail')
    },
    (error: GatewayError) => error,
  )
}

export async function nothingOpen(servers: readonly Listening[]): Promise<void> {
  await until('every connection to be gone', () => servers.every((server) => server.connections.size === 0))
}
