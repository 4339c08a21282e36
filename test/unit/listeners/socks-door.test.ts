import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import type { Clock } from '../../../src/contracts/clock.ts'
import { systemClock } from '../../../src/contracts/clock.ts'
import type { DoorContext } from '../../../src/contracts/door.ts'
import type { Flow } from '../../../src/contracts/flow.ts'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { openListener } from '../../../src/listeners/listener.ts'
import { serveMixed } from '../../../src/listeners/mixed-door.ts'

interface Door {
  readonly port: number
  readonly refusals: GatewayError[]
  readonly flows: Flow[]
}

/** A listener with a mixed door whose flows are served by `serve`, closed when the test ends. */
async function openDoor(
  t: Test,
  serve: (flow: Flow, signal: AbortSignal) => Promise<void>,
  more: {
    clock?: Clock
    auth?: DoorContext['auth']
    onHttp?: (socket: Socket) => void
    maxConnections?: number
    handlePackets?: DoorContext['handlePackets']
    /** Which address the client has reached the door at, in the door's eyes. */
    localAddress?: string
  } = {},
): Promise<Door> {
  const flows: Flow[] = []
  const refusals: GatewayError[] = []
  const clock = more.clock ?? systemClock
  const context: DoorContext = {
    name: 'mixed test',
    scope: 'host',
    ...(more.auth ? { auth: more.auth } : {}),
    ...(more.handlePackets ? { handlePackets: more.handlePackets } : {}),
    nextId: () => `f${flows.length}`,
    async handleFlow(flow, signal) {
      flows.push(flow)
      await serve(flow, signal)
    },
    handleRequest: async () => {},
    refused: (_, error) => refusals.push(error),
  }
  const http = { take: (socket: Socket) => (more.onHttp ? more.onHttp(socket) : socket.destroy()) }
  const listener = await openListener({
    address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    clock,
    maxConnections: more.maxConnections ?? 100,
    firstByteMs: 5_000,
    tlsHandshakeMs: 5_000,
    admits: () => true,
    onClient: (socket, first) => {
      if (more.localAddress) Object.defineProperty(socket, 'localAddress', { value: more.localAddress })
      serveMixed(socket, first, context, http, { clock, handshakeMs: 5_000 })
    },
    onRefused: (_, error) => refusals.push(error),
  })
  t.teardown(() => {
    listener.close()
    listener.destroyConnections()
  })
  if (listener.address.kind !== 'tcp') throw new Error('expected a TCP listener')
  return { port: listener.address.port, refusals, flows }
}

async function dial(t: Test, port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** Everything the socket says until it ends. */
async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  await once(socket, 'end')
  return Buffer.concat(chunks)
}

async function echo(flow: Flow): Promise<void> {
  const client = await flow.accept()
  client.pipe(client)
}

const REQUEST_IPV4 = Buffer.from('05010005010001c00002010050', 'hex')

t.test('a SOCKS5 client in one write, with early bytes, reaches the flow and half-closes', async (t) => {
  const door = await openDoor(t, echo)
  const client = await dial(t, door.port)
  client.end(Buffer.concat([REQUEST_IPV4, Buffer.from('early')]))
  const answer = await readAll(client)
  t.equal(answer.toString('hex'), `050005000001000000000000${Buffer.from('early').toString('hex')}`)
  t.same(door.flows[0]?.target, { host: '192.0.2.1', family: 4, port: 80 })
  t.equal(door.flows[0]?.scheme, 'http')
  t.equal(door.flows[0]?.client.local, true)
})

t.test('a SOCKS4a client byte by byte', async (t) => {
  const door = await openDoor(t, echo)
  const client = await dial(t, door.port)
  client.setNoDelay(true)
  const bytes = Buffer.concat([Buffer.from('040101bb0000000100', 'hex'), Buffer.from('Example.COM.\0hello')])
  for (const byte of bytes) await new Promise<void>((done) => client.write(Buffer.of(byte), () => done()))
  client.end()
  t.equal((await readAll(client)).toString('hex'), `005a000000000000${Buffer.from('hello').toString('hex')}`)
  t.same(door.flows[0]?.target, { host: 'example.com', family: 0, port: 443 })
})

t.test('a rejected flow answers with its reply code, and the client can read it though it keeps sending', async (t) => {
  const door = await openDoor(t, async (flow) => flow.reject(new GatewayError('CONNECT_REFUSED', 'refused')))
  const client = await dial(t, door.port)
  client.write(Buffer.concat([REQUEST_IPV4, Buffer.alloc(300_000)]))
  t.equal((await readAll(client)).toString('hex'), '050005050001000000000000')
})

t.test('a target that makes no sense is told as a failure and becomes no flow', async (t) => {
  const door = await openDoor(t, echo)
  const client = await dial(t, door.port)
  client.write(Buffer.concat([Buffer.from('050100050100030361206200', 'hex'), Buffer.of(80)]))
  t.equal((await readAll(client)).toString('hex'), '050005010001000000000000')
  t.equal(door.flows.length, 0)
  t.equal(door.refusals[0]?.code, 'BAD_REQUEST')
})

t.test('credentials: the right ones serve and are named, none and wrong ones are refused', async (t) => {
  const auth = { verify: (user: string, password: string) => user === 'alice' && password === 'secret' }
  const door = await openDoor(t, echo, { auth })
  const greet = async (bytes: string) => {
    const client = await dial(t, door.port)
    client.end(Buffer.from(bytes, 'hex'))
    return (await readAll(client)).toString('hex')
  }
  const login = `0105${Buffer.from('alice').toString('hex')}06${Buffer.from('secret').toString('hex')}`
  t.equal(await greet(`050102${login}05010001c00002010050`), '0502010005000001000000000000')
  t.equal(door.flows[0]?.client.user, 'alice')
  t.equal(await greet('050100'), '05ff')
  t.equal(await greet('050102010561616161610161'), '05020101')
  t.equal(await greet('04010050c000020100'), '005b000000000000')
  t.equal(door.flows.length, 1)
  t.same(
    door.refusals.map((error) => error.code),
    ['AUTH_REQUIRED', 'AUTH_REQUIRED', 'AUTH_REQUIRED'],
  )
})

t.test('the signal of a flow aborts when the client resets while it waits', async (t) => {
  const aborted = new Promise<GatewayError>((resolve) => {
    void openDoor(t, async (_, signal) => {
      signal.addEventListener('abort', () => resolve(signal.reason as GatewayError))
    }).then(async (door) => {
      const client = await dial(t, door.port)
      client.write(REQUEST_IPV4)
      await once(client, 'data')
      client.resetAndDestroy()
    })
  })
  t.equal((await aborted).code, 'CLIENT_GONE')
})

t.test('a client that hangs up inside its request is let go at once', async (t) => {
  for (const said of [[5], [5, 1, 0], [5, 1, 0, 5, 1, 0], [4, 1, 0, 80, 127]]) {
    const door = await openDoor(t, echo)
    const client = await dial(t, door.port)
    client.end(Buffer.from(said))
    await readAll(client)
    t.match(door.refusals, [{ code: 'BAD_REQUEST', message: /closed its connection inside its request/ }], `${said}`)
    t.equal(door.refusals.length, 1)
  }
})

t.test('a client that never finishes its request is let go', async (t) => {
  const tasks: (() => void)[] = []
  const clock: Clock = {
    ...systemClock,
    after(_, task) {
      tasks.push(task)
      return () => {}
    },
  }
  const door = await openDoor(t, echo, { clock })
  const client = await dial(t, door.port)
  client.write(Buffer.of(5))
  while (tasks.length < 2) await new Promise((done) => setImmediate(done))
  tasks[1]!()
  t.equal((await readAll(client)).length, 0)
  t.match(door.refusals[0]?.message, /no complete request within/)
})

t.test('other first bytes go to the HTTP door, put back', async (t) => {
  const seen = new Promise<string>((resolve) => {
    void openDoor(t, echo, {
      onHttp: (socket) => socket.once('data', (chunk) => resolve(String(chunk))).resume(),
    }).then(async (door) => (await dial(t, door.port)).write('GET / HTTP/1.1\r\n'))
  })
  t.equal(await seen, 'GET / HTTP/1.1\r\n')
})

t.test('connections beyond the limit are refused and told', async (t) => {
  const door = await openDoor(t, echo, { maxConnections: 1 })
  await dial(t, door.port)
  const second = connect(door.port, '127.0.0.1')
  second.on('error', () => {})
  await once(second, 'close')
  t.equal(door.refusals[0]?.code, 'LIMIT_REACHED')
})

t.test('UDP ASSOCIATE at an address that only captured connections reach: not offered', async (t) => {
  const door = await openDoor(t, async () => {}, {
    handlePackets: () => {
      throw new Error('no association is to begin')
    },
    localAddress: '192.0.2.1',
  })
  const client = await dial(t, door.port)
  client.write(Buffer.from('05010005030001000000000000', 'hex'))
  const said = await readAll(client)
  t.equal(said.subarray(2, 4).toString('hex'), '0507')
  t.match(door.refusals, [{ code: 'COMMAND_NOT_SUPPORTED', message: /192\.0\.2\.1/ }])
})
