import { readdir, readFile, writeFile } from 'node:fs/promises'
import http from 'node:http'
import net from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { StreamDialer } from '../../../src/contracts/dialer.ts'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { type KeeperOptions, ScriptKeeper } from '../../../src/pac-engine/script-keeper.ts'
import { type PacSource, scriptOf } from '../../../src/pac-engine/script-source.ts'
import { StoredScript } from '../../../src/pac-engine/stored-script.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'
import { until } from '../../fixtures/until.ts'

t.test('an embedded script that did not load is tried again, and left alone once it has', async (t) => {
  const clock = manualClock()
  const tries: number[] = []
  const keeper = new ScriptKeeper({
    source: { kind: 'embedded', script: 'function FindProxyForURL() { return "DIRECT" }' },
    clock,
    use: async () => {
      tries.push(clock.monotonic())
      if (tries.length < 3) throw new Error('the machine is too busy to run it in time')
    },
    useStored: async () => false,
    confirmed: () => true,
    failed: () => {},
    stored: () => {},
  })
  t.teardown(() => keeper.close())
  await keeper.refresh()
  t.same(tries, [0])
  t.equal(clock.pending, 1, 'another try is planned')
  clock.advance(8_000)
  await until('the second failure', () => tries.length === 2 && clock.pending === 1)
  t.same(tries, [0, 8_000])
  clock.advance(32_000)
  await until('the third try', () => tries.length === 3)
  t.same(tries, [0, 8_000, 40_000], 'with growing pauses')
  t.equal(clock.pending, 0, 'nothing is planned for a script that cannot change')
})

/** A server that answers when told to. */
async function slowServer(t: Test): Promise<{ readonly requests: http.ServerResponse[]; readonly source: PacSource }> {
  const requests: http.ServerResponse[] = []
  return { requests, source: await server(t, (_, response) => void requests.push(response)) }
}

for (const how of ['answers', 'does not answer'] as const) {
  t.test(`a network that never settles: a server that ${how} in time for the fourth is read to the end`, async (t) => {
    const { requests, source } = await slowServer(t)
    const clock = manualClock()
    const told: string[] = []
    const keeper = new ScriptKeeper({
      source,
      clock,
      readMs: 30_000,
      use: async ({ text }) => void told.push(text),
      useStored: async () => false,
      confirmed: () => told.push('the same') > 0,
      failed: ({ message }) => told.push(message),
      stored: () => {},
    })
    t.teardown(() => keeper.close())
    let settled = false
    void keeper.refresh().then(() => {
      settled = true
    })
    for (let changes = 1; changes <= 4; changes++) {
      await until(`request ${changes}`, () => requests.length === changes)
      void keeper.networkChanged()
      void keeper.networkChanged()
    }
    if (how === 'answers') requests[3]?.end('DIRECT')
    else clock.advance(30_000)
    await until('what came of it', () => told.length > 0)
    t.match(told, how === 'answers' ? ['DIRECT'] : [/took longer than 30 s/])
    await until('that it is read again, for the network has changed meanwhile', () => requests.length === 5)
    void keeper.networkChanged()
    await until('that the next ones are given up again', () => requests.length === 6)
    requests[5]?.end('DIRECT')
    await until('the end', () => settled)
    t.equal(told.length, 2)
    t.match(told[1], how === 'answers' ? 'the same' : 'DIRECT')
    t.equal(requests.length, 6)
  })
}

/** A keeper that notes what is handed over. */
function keeping(t: Test, options: Partial<KeeperOptions> & Pick<KeeperOptions, 'source' | 'clock'>) {
  const told: string[] = []
  const keeper = new ScriptKeeper({
    use: async ({ text }) => void told.push(text),
    useStored: async ({ text }) => told.push(`stored: ${text}`) > 0,
    confirmed: () => told.push('the same') > 0,
    failed: ({ message }) => told.push(message),
    stored: () => {},
    ...options,
  })
  t.teardown(() => keeper.close())
  return { keeper, told }
}

async function server(t: Test, answer: http.RequestListener): Promise<PacSource & { readonly url: string }> {
  const server = http.createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close().closeAllConnections())
  const { port } = server.address() as net.AddressInfo
  const dial: StreamDialer['dial'] = async ({ host, port }) => {
    const socket = net.connect({ host, port, allowHalfOpen: true })
    await new Promise((resolve) => socket.once('connect', resolve))
    return socket
  }
  return { kind: 'url', url: `http://127.0.0.1:${port}/proxy.pac`, dialer: { dial } }
}

t.test(
  'what a server said holds for that server: not in another network, not for another place, not for a reload',
  async (t) => {
    const asked: string[] = []
    let place = '/a'
    let tag = 'x'
    const source = await server(t, (request, response) => {
      const known = request.headers['if-none-match'] ?? '-'
      asked.push(`${request.url} ${known}`)
      if (request.url === '/proxy.pac') response.writeHead(302, { location: place }).end()
      // One that compares nothing but whether it has been asked.
      else if (known !== '-') response.writeHead(304).end()
      else response.writeHead(200, { etag: tag }).end('script of '.concat(tag === 'gone' ? 'x' : tag))
    })
    const { keeper, told } = keeping(t, { source, clock: manualClock() })
    const readings: [what: string, read: () => Promise<void>, asked: string, told: string][] = [
      ['first', () => keeper.refresh(), '/a -', 'script of x'],
      ['again', () => keeper.refresh(), '/a x', 'the same'],
      ['reloaded', () => keeper.reload(), '/a -', 'the same'],
      ['then again', () => keeper.refresh(), '/a x', 'the same'],
      ['in another network', () => keeper.networkChanged(), '/a -', 'the same'],
      ['then again', () => keeper.refresh(), '/a x', 'the same'],
    ]
    for (const [what, read, question, outcome] of readings) {
      await read()
      t.equal(asked.at(-1), question, what)
      t.equal(told.at(-1), outcome, what)
    }
    tag = 'gone'
    await keeper.reload()
    t.equal(told.at(-1), 'the same', 'the same text under another tag')
    await keeper.refresh()
    t.equal(asked.at(-1), '/a gone', 'and the other tag is the one that is sent')
    place = '/b'
    tag = 'y'
    await keeper.refresh()
    t.equal(asked.at(-1), '/b -', 'it leads elsewhere now')
    t.equal(told.at(-1), 'script of y')
  },
)

t.test('a reload is not content with a reading that began before it', async (t) => {
  const { requests, source } = await slowServer(t)
  const { keeper, told } = keeping(t, { source, clock: manualClock() })
  void keeper.refresh()
  await until('the first request', () => requests.length === 1)
  const reloaded = keeper.reload()
  requests[0]?.end('before')
  await until('another one', () => requests.length === 2)
  requests[1]?.end('after')
  await reloaded
  t.same(told, ['before', 'after'])
})

t.test('while it fails, it is read every five minutes at the least, however seldom otherwise', async (t) => {
  const clock = manualClock()
  const source = { kind: 'file', path: '/nonexistent/proxy.pac' } as const
  const { keeper, told } = keeping(t, { source, clock, refreshMs: 86_400_000 })
  await keeper.refresh()
  for (const wait of [8_000, 32_000, 120_000, 300_000, 300_000]) {
    const before = told.length
    clock.advance(wait - 1)
    t.equal(told.length, before)
    clock.advance(1)
    await until('the next failure', () => told.length === before + 1 && clock.pending === 1)
  }
})

t.test('a version that may be used for an hour is confirmed twice in it', async (t) => {
  const clock = manualClock()
  const source = await server(t, (_, response) => void response.end('script'))
  const { keeper, told } = keeping(t, { source, clock, refreshMs: 86_400_000, lastGoodMs: 3_600_000 })
  await keeper.refresh()
  clock.advance(1_800_000)
  await until('the confirmation', () => told.length === 2)
  t.same(told, ['script', 'the same'])
})

t.test('however short that time is, nobody is hammered', async (t) => {
  const clock = manualClock()
  const source = await server(t, (_, response) => void response.end('script'))
  const { keeper, told } = keeping(t, { source, clock, refreshMs: 86_400_000, lastGoodMs: 24 })
  await keeper.refresh()
  clock.advance(9_999)
  t.equal(told.length, 1)
  t.equal(clock.pending, 1)
})

t.test('a name whose turn has not come is no refusal', async (t) => {
  const clock = manualClock()
  let loads = 0
  const { keeper } = keeping(t, {
    source: { kind: 'embedded', script: 'script' },
    clock,
    use: async () => {
      loads += 1
      throw new GatewayError('LIMIT_REACHED', 'other names are waiting')
    },
  })
  await keeper.refresh()
  await keeper.refresh()
  t.equal(loads, 2)
})

t.test('a script that could not be used is not loaded at each look at its file; another one is, at once', async (t) => {
  const clock = manualClock()
  const path = join(t.testdir({ 'proxy.pac': 'hangs' }), 'proxy.pac')
  const loaded: number[] = []
  const { keeper, told } = keeping(t, {
    source: { kind: 'file', path },
    clock,
    use: async ({ text }) => {
      loaded.push(clock.monotonic())
      if (text === 'hangs') throw new Error('ran too long')
    },
  })
  await keeper.refresh()
  for (let looks = 2; looks <= 21; looks += 1) {
    clock.advance(5_000)
    await until('the next look', () => told.length === looks && clock.pending === 1)
  }
  t.same(loaded, [0, 10_000, 40_000, 70_000, 100_000])
  await keeper.networkChanged()
  t.equal(loaded.length, 6, 'another network may have what it asks for')
  await writeFile(path, 'works')
  clock.advance(5_000)
  await until('the new one', () => loaded.length === 7)
})

t.test('on disk: a date that lies ahead is put right, and what is not what was written is none', async (t) => {
  const directory = t.testdir({})
  const clock = manualClock(1_000_000)
  const source = await server(t, (request) => void request.socket.destroy())
  await new StoredScript(directory, source.url, clock).write(scriptOf('script', clock.monotonic() + 500_000))
  const { keeper, told } = keeping(t, { source, clock, cacheDir: directory, lastGoodMs: 3_600_000 })
  t.equal(await keeper.useStored(), true)
  t.same(told, ['stored: script'])
  const file = join(directory, (await readdir(directory))[0]!)
  const kept = JSON.parse(await readFile(file, 'utf8'))
  t.equal(kept.fetchedAt, 1_000_000)
  await writeFile(file, JSON.stringify({ ...kept, script: 'other' }))
  t.equal(await keeping(t, { source, clock, cacheDir: directory }).keeper.useStored(), false)
})

t.test('on disk: what stays for one that has not decided yet is not read again at each look', async (t) => {
  const directory = t.testdir({})
  const clock = manualClock(1_000_000)
  const source = await server(t, (_, response) => void response.end('newer'))
  await new StoredScript(directory, source.url, clock).write(scriptOf('older', clock.monotonic()))
  const reads = t.capture(StoredScript.prototype, 'read', StoredScript.prototype.read)
  const stored: unknown[] = []
  const options = { source, clock, cacheDir: directory, lastGoodMs: 3_600_000 }
  const { keeper, told } = keeping(t, { ...options, stored: (why) => stored.push(why) })
  for (let i = 0; i < 3; i++) await keeper.refresh()
  t.same(told, ['newer', 'the same', 'the same'])
  t.same(stored, ['undecided'])
  t.equal(reads().length, 1)
  await keeper.works(scriptOf('newer', 0))
  t.same(stored, ['undecided', undefined])
})

t.test('a load that fails while another network comes is tried again in that at once', async (t) => {
  const clock = manualClock()
  let loads = 0
  const { keeper, told } = keeping(t, {
    source: { kind: 'embedded', script: 'script' },
    clock,
    use: async () => {
      loads += 1
      if (loads > 1) return
      void keeper.networkChanged()
      throw new Error('a name of the old network')
    },
  })
  await keeper.refresh()
  t.equal(loads, 2)
  t.same(told, [])
})

t.test('an empty validator is none', async (t) => {
  const asked: (string | undefined)[] = []
  const source = await server(t, (request, response) => {
    asked.push(request.headers['if-none-match'] ?? request.headers['if-modified-since'])
    response.writeHead(200, { etag: '', 'last-modified': '' }).end('script')
  })
  const { keeper } = keeping(t, { source, clock: manualClock() })
  await keeper.refresh()
  await keeper.refresh()
  t.same(asked, [undefined, undefined])
})
