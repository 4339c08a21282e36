import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import type { Test } from 'tap'
import type { Conn } from '../../src/contracts/conn.ts'
import { readAll, readExactly } from '../fixtures/reading.ts'
import { until } from '../fixtures/until.ts'

/** A fresh Conn and the socket of the program at its far end. */
export interface OpenedConn {
  readonly conn: Conn
  readonly peer: Socket
}

const BULK_BYTES = 3_000_000
/** More than all buffers of three hops together can hold (loopback's grow to 6 MB a socket), so it must get stuck if nobody reads. */
const STUCK_BYTES = 192 * 1024 * 1024

/** What everything that is called a Conn does (contracts/conn.ts). */
export function connContract(t: Test, open: () => Promise<OpenedConn>): void {
  const scene = (name: string, body: (t: Test, opened: OpenedConn) => Promise<void>) =>
    t.test(name, async (t) => {
      const opened = await open()
      t.teardown(() => {
        opened.conn.destroy()
        opened.peer.destroy()
      })
      await body(t, opened)
    })

  scene('is handed over paused, with nobody listening for data', async (t, { conn }) => {
    t.not(conn.readableFlowing, true)
    t.equal(conn.listenerCount('data'), 0)
    t.equal(conn.listenerCount('end') <= 1, true, 'no handshake listener is left behind')
    t.notOk(conn.destroyed)
  })

  scene('carries bytes both ways', async (t, { conn, peer }) => {
    conn.write('question')
    t.equal(await readExactly(peer, 8), 'question')
    peer.write('answer')
    t.equal(await readExactly(conn, 6), 'answer')
  })

  scene('half-close: our end leaves reading open', async (t, { conn, peer }) => {
    conn.end('last words')
    t.equal((await readAll(peer)).toString(), 'last words')
    const late = randomBytes(BULK_BYTES)
    peer.end(late)
    t.equal(hash(await readAll(conn)), hash(late))
  })

  scene("half-close: the peer's end leaves writing open", async (t, { conn, peer }) => {
    peer.end('bye')
    t.equal((await readAll(conn)).toString(), 'bye')
    const late = randomBytes(BULK_BYTES)
    conn.end(late)
    t.equal(hash(await readAll(peer)), hash(late))
  })

  scene('back-pressure: a reader that does not read stops the writer', async (t, { conn, peer }) => {
    const chunk = randomBytes(1024 * 1024)
    let sent = 0
    const closed = once(peer, 'close')
    const pump = (async () => {
      while (sent < STUCK_BYTES && !peer.destroyed) {
        sent += chunk.length
        if (!peer.write(chunk)) await Promise.race([once(peer, 'drain'), closed])
      }
    })()
    // Stuck: no progress for many turns, each of which polls the sockets.
    for (let still = 0, seen = sent; still < 300; seen = sent) {
      await turn()
      still = seen === sent ? still + 1 : 0
    }
    t.ok(sent < STUCK_BYTES, `stuck after ${sent} bytes`)
    t.ok(conn.readableLength <= 1024 * 1024, `holds ${conn.readableLength} bytes itself`)
    conn.destroy()
    peer.destroy()
    await pump
  })

  scene('destroy lets go at once, and the peer notices', async (t, { conn, peer }) => {
    conn.destroy()
    peer.resume()
    await until('the peer to see the end', () => peer.destroyed || peer.readableEnded)
    t.ok(conn.destroyed)
  })

  scene('a peer that resets while nobody listens does not end the process', async (t, { conn, peer }) => {
    peer.resetAndDestroy()
    conn.resume()
    conn.write('into the void')
    await until('the Conn to be closed', () => conn.destroyed || conn.readableEnded)
    t.pass('still here')
  })
}

function hash(bytes: Buffer): string {
  return `${bytes.length} ${createHash('sha256').update(bytes).digest('hex')}`
}
