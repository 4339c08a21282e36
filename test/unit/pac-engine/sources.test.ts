import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import http from 'node:http'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { type Test, test } from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import type { StreamDialer } from '../../../src/contracts/dialer.ts'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { fetchScript } from '../../../src/pac-engine/fetch-script.ts'
import { readOnce } from '../../../src/pac-engine/script-source.ts'
import { ask, engineFor } from './engine-under-test.ts'

const directly: StreamDialer = {
  dial: ({ host, port }) =>
    new Promise((resolve, reject) => {
      const socket = net.connect({ host, port, allowHalfOpen: true })
      socket.once('connect', () => resolve(socket))
      socket.once('error', (cause) => reject(new GatewayError('CONNECT_FAILED', 'cannot connect', { cause })))
    }),
}

async function serve(t: Test, listener: http.RequestListener): Promise<string> {
  const server = http.createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`
}

async function directory(t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'fairlead-pac-'))
  t.teardown(() => rm(path, { recursive: true }))
  return path
}

const script = (answer: string) => `function FindProxyForURL() { return "${answer}" }`
const message = (outcome: string | GatewayError) => (outcome instanceof GatewayError ? outcome.message : outcome)

test('a file, and its new version after refresh', async (t) => {
  const path = join(await directory(t), 'proxy.pac')
  await writeFile(path, script('one'))
  const engine = engineFor(t, '', { source: { kind: 'file', path } })
  t.equal(await ask(engine, 'a'), 'one')
  await writeFile(path, script('two'))
  await engine.refresh()
  t.equal(await ask(engine, 'a'), 'two', 'the decision made before is not remembered')
  await writeFile(path, 'function (')
  await engine.refresh()
  t.equal(await ask(engine, 'a'), 'two', 'a version that does not load leaves the one before in use')
  t.match(engine.status().failure, /SyntaxError/)
})

const noFifo = process.platform === 'win32' ? 'needs mkfifo(1)' : false

test('a FIFO that nobody writes to, a device without end, a folder', { skip: noFifo }, async (t) => {
  const folder = await directory(t)
  const fifo = join(folder, 'fifo.pac')
  execFileSync('mkfifo', [fifo])
  for (const [path, expected] of [
    [fifo, /FindProxyForURL is undefined/],
    ['/dev/zero', /larger than 1048576 bytes/],
    [folder, /cannot read the PAC file .*EISDIR/],
  ] as const) {
    const engine = engineFor(t, '', { source: { kind: 'file', path } })
    t.match(message(await ask(engine, 'a')), expected, path)
  }
})

test('onPacFailure block: a version that cannot be had leaves none', async (t) => {
  const path = join(await directory(t), 'proxy.pac')
  await writeFile(path, script('one'))
  const engine = engineFor(t, '', { source: { kind: 'file', path }, onPacFailure: 'block' })
  t.equal(await ask(engine, 'a'), 'one')
  await rm(path)
  await engine.refresh()
  t.match(message(await ask(engine, 'a')), /cannot read the PAC file .*ENOENT/)
})

test('file: what cannot be read says why', async (t) => {
  const path = await directory(t)
  const large = join(path, 'large.pac')
  await writeFile(large, ' '.repeat(1_048_577))
  const rows: [string, RegExp][] = [
    [join(path, 'none.pac'), /ENOENT/],
    [path, /EISDIR/],
    [large, /larger than 1048576 bytes/],
    ['/dev/zero', /larger than 1048576 bytes/],
  ]
  for (const [file, expected] of rows) {
    t.match(message(await ask(engineFor(t, '', { source: { kind: 'file', path: file } }), 'a')), expected, file)
  }
})

test('a URL: charset, redirect, conditional request, the version on disk', async (t) => {
  const seen: string[] = []
  let down = false
  const base = await serve(t, (request, response) => {
    seen.push(`${request.url} ${request.headers['if-none-match'] ?? '-'}`)
    if (down) {
      request.socket.destroy()
      return
    }
    if (request.url === '/old') {
      response.writeHead(302, { location: '/proxy.pac?secret=1' }).end()
      return
    }
    if (request.headers['if-none-match'] === '"v1"') {
      response.writeHead(304).end()
      return
    }
    response.writeHead(200, { 'content-type': 'text/plain; charset=ISO-8859-1', etag: '"v1"' })
    response.end(Buffer.from(`// f\xfcr\n${script('PROXY a:1')}`, 'latin1'))
  })
  const cacheDir = await directory(t)
  const source = { kind: 'url', url: `${base}/old`, dialer: directly } as const
  const engine = engineFor(t, '', { source, cacheDir })
  t.equal(await ask(engine, 'a'), 'PROXY a:1')
  t.match(engine.status().contentType, /text\/plain/)
  await engine.refresh()
  t.equal(seen.at(-1), '/proxy.pac?secret=1 -', 'who reloads wants all of it')
  t.equal(await ask(engine, 'a'), 'PROXY a:1')

  const untouched = await directory(t)
  t.equal(await ask(engineFor(t, '', { source, cacheDir: untouched, cacheWrites: false }), 'a'), 'PROXY a:1')
  t.same(await readdir(untouched), [], 'who only reads leaves nothing')

  const [stored] = await readdir(cacheDir)
  t.match(await readFile(join(cacheDir, stored ?? ''), 'utf8'), /PROXY a:1/)
  down = true
  const lines: string[] = []
  const later = engineFor(t, '', { source, cacheDir, log: (_level, line) => lines.push(line) })
  t.equal(await ask(later, 'a'), 'PROXY a:1', 'from the disk')
  t.match(lines.join('\n'), /last good version is in use/)
  t.match(later.status().failure, /cannot fetch|cannot connect/, 'and it is not the newest')
  t.match(
    message(await ask(engineFor(t, '', { source, cacheDir, onPacFailure: 'block' }), 'a')),
    /cannot fetch|cannot connect/,
  )
  t.match(
    message(await ask(engineFor(t, '', { source, cacheDir, lastGoodMs: -1 }), 'a')),
    /cannot fetch|cannot connect/,
  )
})

test('a URL: a state folder that cannot be written is told with its path, and the version read is in use', async (t) => {
  let now = 1_000_000
  const { base } = await versioned(t)
  const file = join(await directory(t), 'file')
  await writeFile(file, '')
  const lines: string[] = []
  const engine = engineFor(t, '', {
    source: { kind: 'url', url: `${base}/a`, dialer: directly },
    cacheDir: join(file, 'state'),
    clock: { ...systemClock, wall: () => now, monotonic: () => now, elapsed: () => now },
    log: (_level, line) => lines.push(line),
  })
  await engine.ready
  t.equal(await ask(engine, 'a'), 'PROXY a:1')
  t.equal(engine.status().failure, undefined, 'it is the newest')
  t.match(engine.status().notKept, `cannot keep the PAC script in ${file}/state: ENOTDIR`)
  const told = lines.join('\n')
  t.match(told, `${file}/state: ENOTDIR; it is in use, but will be missing at a start without its server`)
  t.match(told, /Make that folder writable/)
  t.notMatch(told, /internal error|version before/)
  await rm(file)
  now += 300_000
  await engine.refresh()
  t.equal(engine.status().notKept, undefined, 'written once it can be')
  t.equal((await readdir(join(file, 'state'))).length, 1)
})

test('a URL: what is no script', async (t) => {
  const base = await serve(t, (request, response) => {
    switch (request.url) {
      case '/404':
        return response.writeHead(404).end('not here')
      case '/loop':
        return response.writeHead(302, { location: '/loop' }).end()
      case '/large':
        return response.end(' '.repeat(1_048_577))
      case '/cut':
        response.writeHead(200, { 'content-length': 1000 })
        response.write('function')
        return request.socket.end()
      case '/html':
        return response.end('<html>Sign in</html>')
      default:
        return response.writeHead(302, { location: 'ftp://x/' }).end()
    }
  })
  const rows: [string, RegExp][] = [
    ['/404', /answered 404, expected 200/],
    ['/loop', /redirects more than 5 times/],
    ['/large', /larger than 1048576 bytes/],
    ['/cut', /closed before|aborted|socket hang up/],
    ['/html', /SyntaxError.*line 1/],
    ['/ftp', /redirects to ftp: which is not followed/],
  ]
  for (const [path, expected] of rows) {
    const engine = engineFor(t, '', {
      source: { kind: 'url', url: base + path, dialer: directly },
      onPacFailure: 'block',
    })
    t.match(message(await ask(engine, 'a')), expected, path)
    await engine.close()
  }
})

test('a server that keeps silent delays a decision by a named limit only', async (t) => {
  const base = await serve(t, () => {})
  const engine = engineFor(t, '', {
    source: { kind: 'url', url: `${base}/proxy.pac`, dialer: directly },
    readMs: 200,
    onPacFailure: 'block',
  })
  const began = performance.now()
  t.match(message(await ask(engine, 'a')), /took longer than 0.2 s/)
  t.ok(performance.now() - began < 5_000)
})

test('a version that could not be read again for too long is used no more, and comes back', async (t) => {
  let now = 1_000_000
  const server = await versioned(t)
  const lines: string[] = []
  const engine = engineFor(t, '', {
    source: { kind: 'url', url: `${server.base}/proxy.pac`, dialer: directly },
    clock: { ...systemClock, wall: () => now, monotonic: () => now, elapsed: () => now },
    lastGoodMs: 10_000,
    log: (_level, line) => lines.push(line),
  })
  t.equal(await ask(engine, 'a'), 'PROXY a:1')
  server.down = true
  now += 10_000
  await engine.refresh()
  t.equal(await ask(engine, 'a'), 'PROXY a:1', 'old, but not too old')
  now += 1
  await engine.refresh()
  t.match(message(await ask(engine, 'a')), /the server answered 503/)
  t.match(lines.at(-1), /the version before is too old to be used/)
  server.down = false
  await engine.refresh()
  t.equal(await ask(engine, 'a'), 'PROXY a:1', 'the same script, once its server is back')
  server.down = true
  await engine.refresh()
  await engine.refresh()
  t.equal(lines.filter((line) => /503.*stays in use/.test(line)).length, 2, 'once for each time it is gone')
})

test('the version on disk is as old as its last confirmation', async (t) => {
  let now = 1_000_000
  const server = await versioned(t)
  const options = {
    source: { kind: 'url', url: `${server.base}/proxy.pac`, dialer: directly },
    clock: { ...systemClock, wall: () => now, monotonic: () => now, elapsed: () => now },
    cacheDir: await directory(t),
    lastGoodMs: 40_000,
  } as const
  const engine = engineFor(t, '', options)
  t.equal(await ask(engine, 'a'), 'PROXY a:1')
  now += 60_000
  await engine.refresh()
  await engine.close()
  server.down = true
  now += 30_000
  t.equal(await ask(engineFor(t, '', options), 'a'), 'PROXY a:1', 'confirmed half a minute ago')
  now += 20_000
  t.match(message(await ask(engineFor(t, '', options), 'a')), /the server answered 503/)
})

test('a system clock that is set in between makes no version older or younger', async (t) => {
  // A machine without a clock of its own begins in 1970.
  let [wall, monotonic] = [0, 5_000]
  const server = await versioned(t)
  const engine = engineFor(t, '', {
    source: { kind: 'url', url: `${server.base}/proxy.pac`, dialer: directly },
    clock: { ...systemClock, wall: () => wall, monotonic: () => monotonic, elapsed: () => monotonic },
    lastGoodMs: 10_000,
  })
  const ageOf = async (host: string) => {
    const { trace } = await engine.find({ url: `http://${host}:80`, host }, new AbortController().signal)
    return trace?.ageSeconds
  }
  t.equal(await ask(engine, 'a'), 'PROXY a:1')
  server.down = true
  wall = Date.parse('2026-01-01T00:00:00Z')
  monotonic += 6_000
  await engine.refresh()
  t.equal(await ask(engine, 'b'), 'PROXY a:1', 'it was read seconds ago')
  t.equal(await ageOf('c'), 6)
  t.equal(engine.status().fetchedAt, wall - 6_000)
  wall = Date.parse('2020-01-01T00:00:00Z')
  monotonic += 4_000
  t.equal(await ageOf('d'), 10)
  await engine.refresh()
  t.equal(await ask(engine, 'e'), 'PROXY a:1')
  monotonic += 1
  await engine.refresh()
  t.match(message(await ask(engine, 'f')), /the server answered 503/, 'too old, whatever the date')
})

test('a version on disk that a clock in the future has dated is new, and gets old', async (t) => {
  let [wall, monotonic] = [Date.parse('2050-01-01T00:00:00Z'), 0]
  const server = await versioned(t)
  const lines: string[] = []
  const options = {
    source: { kind: 'url', url: `${server.base}/proxy.pac`, dialer: directly },
    clock: { ...systemClock, wall: () => wall, monotonic: () => monotonic, elapsed: () => monotonic },
    cacheDir: await directory(t),
    lastGoodMs: 40_000,
    log: (_level: string, line: string) => lines.push(line),
  } as const
  const before = engineFor(t, '', options)
  t.equal(await ask(before, 'a'), 'PROXY a:1')
  await before.close()
  server.down = true
  wall = Date.parse('2026-01-01T00:00:00Z')
  const engine = engineFor(t, '', options)
  t.equal(await ask(engine, 'a'), 'PROXY a:1')
  t.equal(engine.status().fetchedAt, wall)
  monotonic += 40_001
  await engine.refresh()
  t.match(message(await ask(engine, 'b')), /the server answered 503/)
  t.match(lines.at(-1), /too old to be used/)
})

test('a body that is compressed unasked', async (t) => {
  const plain = Buffer.from(script('PROXY a:1'))
  const bomb = gzipSync(Buffer.alloc(4_000_000, ' '))
  const base = await serve(t, (request, response) => {
    const [body, encoding] = {
      '/gzip': [gzipSync(plain), 'gzip'],
      '/br': [brotliCompressSync(plain), 'br'],
      '/zlib': [deflateSync(plain), 'deflate'],
      '/raw': [deflateRawSync(plain), 'deflate'],
      '/bomb': [bomb, 'gzip'],
      '/rawbomb': [deflateRawSync(Buffer.alloc(4_000_000, ' ')), 'deflate'],
      '/neither': [plain, 'deflate'],
      '/odd': [plain, 'compress'],
    }[request.url ?? ''] as [Buffer, string]
    response.writeHead(200, { 'content-encoding': encoding }).end(body)
  })
  const at = async (path: string) =>
    ask(engineFor(t, '', { source: { kind: 'url', url: `${base}${path}`, dialer: directly } }), 'a')
  t.equal(await at('/gzip'), 'PROXY a:1')
  t.equal(await at('/br'), 'PROXY a:1')
  t.equal(await at('/zlib'), 'PROXY a:1')
  t.equal(await at('/raw'), 'PROXY a:1', 'without zlib’s head')
  for (const path of ['/bomb', '/rawbomb']) t.match(message(await at(path)), /the script is larger than 1048576 bytes/)
  t.match(message(await at('/neither')), /incorrect header check/)
  t.match(message(await at('/odd')), /Content-Encoding compress, expected none/)
})

/** One version of a script, confirmed by its tag; 503 while it is down. */
async function versioned(t: Test) {
  const server = { down: false, base: '' }
  server.base = await serve(t, (request, response) => {
    if (server.down) response.writeHead(503).end()
    else if (request.headers['if-none-match'] === '"v1"') response.writeHead(304).end()
    else response.writeHead(200, { etag: '"v1"' }).end(script('PROXY a:1'))
  })
  return server
}

test('a URL: answers that break the rules as browsers put up with it', async (t) => {
  const body = script('PROXY a:1')
  const length = `Content-Length: ${body.length}`
  const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
  const rows: [what: string, answer: string][] = [
    ['an encoding that is none', `HTTP/1.1 200 OK\r\nContent-Encoding: utf-8\r\n${length}\r\n\r\n${body}`],
    ['another', `HTTP/1.1 200 OK\r\nContent-Encoding: none\r\n${length}\r\n\r\n${body}`],
    ['lines that end with LF', `HTTP/1.1 200 OK\nContent-Type: text/plain\n${length}\n\n${body}`],
    ['a blank before the colon', `HTTP/1.1 200 OK\r\nContent-Length : ${body.length}\r\n\r\n${body}`],
    ['two lengths', `HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}`],
    ['a NUL behind the body', `HTTP/1.1 200 OK\r\n${length}\r\n\r\n${body}\0`],
    ['a line behind it', `HTTP/1.1 200 OK\r\n${length}\r\n\r\n${body}\r\n// the end\r\n`],
    ['and the connection is to end', `HTTP/1.1 200 OK\r\nConnection: close\r\n${length}\r\n\r\n${body}// end\n`],
    ['something behind the last chunk', `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}more`],
    ['a head of 200 kB', `HTTP/1.1 200 OK\r\nX-Long: ${'x'.repeat(200_000)}\r\n${length}\r\n\r\n${body}`],
    ['a control character', `HTTP/1.1 200 OK\r\nX-Odd: a\x01b\r\n${length}\r\n\r\n${body}`],
  ]
  for (const [what, answer] of rows) {
    const server = net.createServer((socket) => socket.on('error', () => {}).once('data', () => socket.end(answer)))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => server.close())
    const { port } = server.address() as net.AddressInfo
    const fetched = fetchScript(new URL(`http://127.0.0.1:${port}/proxy.pac`), {
      dialer: directly,
      signal: new AbortController().signal,
    })
    const text = fetched.then((got) => (got === 'unchanged' ? got : Buffer.from(got.bytes).toString()))
    t.equal(await text.catch((error: unknown) => String(error)), body, what)
  }
})

test('a URL: answers that are none end the reading at once', async (t) => {
  const whole = script('PROXY a:1')
  const twice = `Content-Length: ${whole.length}\r\nContent-Length: ${whole.length}`
  const rows: [what: string, answer: string, expected: RegExp][] = [
    ['101', 'HTTP/1.1 101 Switching Protocols\r\n\r\n', /answered 101, expected 200/],
    ['101 for an upgrade', 'HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n', /answered 101, expected 200/],
    ['a head without end', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(300_000)}`, /Header overflow/i],
    // As docs/pac.md says: browsers take these two.
    ['two lengths that are the same', `HTTP/1.1 200 OK\r\n${twice}\r\n\r\n${whole}`, /Duplicate Content-Length/],
    ['a line without a colon', `HTTP/1.1 200 OK\r\nServer nginx\r\n\r\n${whole}`, /Invalid header token/],
    ['a chunk that is none', `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n${whole}`, /Parse Error/],
  ]
  for (const [what, answer, expected] of rows) {
    // The connection stays open: nothing but the answer can end it.
    const server = net.createServer((socket) => socket.on('error', () => {}).once('data', () => socket.write(answer)))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => server.close())
    const { port } = server.address() as net.AddressInfo
    const signal = AbortSignal.timeout(20_000)
    await t.rejects(
      fetchScript(new URL(`http://127.0.0.1:${port}/`), { dialer: directly, signal }),
      { message: expected },
      what,
    )
  }
  const giveUp = new AbortController()
  const half = net.createServer((socket) =>
    socket
      .on('error', () => {})
      .once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${whole.length + 1}\r\n\r\n${whole}`, () =>
          giveUp.abort(new GatewayError('PAC_FAILED', 'given up')),
        )
      }),
  )
  await new Promise<void>((resolve) => half.listen(0, '127.0.0.1', resolve))
  t.teardown(() => half.close())
  const url = new URL(`http://127.0.0.1:${(half.address() as net.AddressInfo).port}/`)
  await t.rejects(fetchScript(url, { dialer: directly, signal: giveUp.signal }), { message: 'given up' })
})

test('what is as old as the world says: hours that the machine has slept count', async (t) => {
  const path = join(await directory(t), 'proxy.pac')
  await writeFile(path, script('PROXY a:1'))
  let slept = 0
  const clock = { ...systemClock, elapsed: () => systemClock.monotonic() + slept }
  const engine = engineFor(t, '', { source: { kind: 'file', path }, clock, lastGoodMs: 3_600_000 })
  t.equal(await ask(engine, 'a'), 'PROXY a:1')
  await rm(path)
  await engine.refresh()
  t.equal(await ask(engine, 'a'), 'PROXY a:1', 'the last good version')
  slept = 7_200_000
  await engine.refresh()
  t.match(message(await ask(engine, 'a')), /cannot read/, 'is too old now')
})

test('a folder that hangs has one thread, however often its file is looked at', async (t) => {
  let reads = 0
  let answer = (_: Uint8Array) => {}
  const read = () => {
    reads += 1
    return new Promise<Uint8Array>((resolve) => {
      answer = resolve
    })
  }
  const looks = [readOnce('/hung/proxy.pac', read), readOnce('/hung/proxy.pac', read)]
  t.equal(reads, 1)
  answer(Buffer.from('it'))
  t.same(await Promise.all(looks), [Buffer.from('it'), Buffer.from('it')])
  void readOnce('/hung/proxy.pac', read)
  t.equal(reads, 2, 'the next look is one of its own')
})
