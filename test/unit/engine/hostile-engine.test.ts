import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import t from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import { createEngineDirectory, type EngineState } from '../../../src/engine/create-engine-directory.ts'
import { fakeEngine, type Interception, idOf } from '../../fixtures/fake-engine.ts'
import { until } from '../../fixtures/until.ts'

/** A clock whose short waits (back-off, rest) are a hundred times shorter; limits for answers stay, unless `limits` shortens them, too. */
const hurry = (limits = 1) => ({
  ...systemClock,
  after: (ms: number, task: () => void) => systemClock.after(ms / (ms < 15_000 ? 100 : limits), task),
})
const hurried = hurry()

const json =
  (wanted: string, text: string): Interception =>
  (path, response) => {
    if (!path.startsWith(wanted)) return false
    response.writeHead(200).end(text)
    return true
  }

/** The same block, as long as somebody listens. */
const endless =
  (wanted: string, block: Buffer): Interception =>
  (path, response) => {
    if (!path.startsWith(wanted)) return false
    response.writeHead(200)
    const more = () => {
      while (!response.destroyed && response.write(block));
    }
    response.on('drain', more)
    more()
    return true
  }

/** Answers that no engine gives; each must be told as the engine's fault and leave the process and the view as they are. */
const UNUSABLE: Record<string, [Interception, RegExp]> = {
  'networks that are no list': [json('/networks', '{"a":1}'), /no list/],
  'containers that are no list': [json('/containers/json', 'null'), /no list/],
  'no JSON': [json('/networks', '<html>'), /not JSON/],
  'deeply nested JSON': [json('/networks', '['.repeat(5_000_000)), /nested deeper than 64/],
  'an error page': [
    (path, response) => path === '/networks' && !!response.writeHead(500).end(`\u001b[31m${'x'.repeat(100_000)}`),
    /larger than|answers 500/,
  ],
  'a redirect': [
    (path, response) => path === '/version' && !!response.writeHead(302, { location: 'http://elsewhere/' }).end(),
    /answers 302/,
  ],
  'an answer without end': [endless('/networks', Buffer.alloc(1 << 20, 0x20)), /larger than/],
  'an answer that stops in the middle': [
    (path, response) => {
      if (path !== '/networks') return false
      response.writeHead(200, { 'content-length': 1000 }).write('[')
      setImmediate(() => response.destroy())
      return true
    },
    /ECONNRESET|aborted/,
  ],
  'no answer at all': [(path) => path === '/networks', /no answer|longer than/],
  'a change of protocol': [
    (path, response) => {
      if (path !== '/version') return false
      response.socket!.end('HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nhello')
      return true
    },
    /not HTTP/,
  ],
}

for (const [title, [intercept, expected]] of Object.entries(UNUSABLE)) {
  t.test(title, async (t) => {
    const engine = await fakeEngine(t)
    engine.intercept = intercept
    await engine.start()
    const states: EngineState[] = []
    const directory = createEngineDirectory({
      address: engine.address,
      clock: title === 'no answer at all' ? hurry(100) : hurried,
      onState: (state) => states.push(state),
    })
    t.teardown(() => directory.close())
    const told = () => states.find((state) => !state.connected)
    await until('word of it', () => told() !== undefined, 20_000)
    const state = told()
    t.match(state, { connected: false, reason: expected })
    if (state?.connected === false) {
      t.ok(state.reason.length < 400, state.reason)
      t.notMatch(state.reason, /[\0-\x1f]/)
    }
    engine.intercept = undefined
    engine.containers = [{ name: 'after' }]
    await until('a sound engine afterwards', () => directory.view().containers.length === 1, 20_000)
  })
}

t.test('entries that are not what they should be are left out, and the others stay', async (t) => {
  const engine = await fakeEngine(t)
  const good = { Id: idOf('good'), Names: ['/good'], Image: 'x', State: 'running', Labels: {}, NetworkSettings: null }
  const shortId = idOf('good').slice(0, 12)
  const entries: unknown[] = [
    null,
    42,
    [],
    {},
    { ...good, Id: '../../images' },
    { ...good, Names: [] },
    { ...good, Names: ['/a/b'] },
    { ...good, Names: ['/in valid\n'] },
    { ...good, State: 7 },
    { ...good, NetworkSettings: { Networks: [1, 2] } },
    { ...good, Names: ['/labels'], Labels: { big: 'x'.repeat(5000), n: 1, ok: 'yes' } },
    {
      ...good,
      Names: ['/addresses'],
      NetworkSettings: {
        Networks: {
          n: {
            NetworkID: 'n1',
            EndpointID: 'e',
            IPAddress: 'fe80::1%eth0',
            GlobalIPv6Address: 'nonsense',
            Aliases: 'x',
          },
          odd: { NetworkID: 7 },
          nothing: null,
        },
      },
    },
    good,
  ]
  const withProto = JSON.stringify(entries).replace('"ok":"yes"', '"ok":"yes","__proto__":"p","constructor":"c"')
  engine.intercept = json('/containers/json', withProto.replace('"n":{', '"__proto__":{"NetworkID":"n2"},"n":{'))
  await engine.start()
  const directory = createEngineDirectory({ address: engine.address, clock: hurried, onState() {} })
  t.teardown(() => directory.close())
  await until('a view', () => directory.connected)
  const { containers } = directory.view()
  t.same(
    containers.map(({ name }) => name).filter((name) => name !== 'addresses'),
    [shortId, shortId, 'in valid', 'labels', 'good'],
  )
  const labelled = containers.find(({ name }) => name === 'labels')
  t.equal(labelled?.labels['ok'], 'yes')
  t.equal(labelled?.labels['big'], undefined)
  t.same(labelled?.unreadLabels, ['big', 'n'])
  t.equal(Object.getPrototypeOf(labelled?.labels), null)
  t.equal(({} as Record<string, unknown>)['NetworkID'], undefined, 'no prototype was touched')
})

t.test('an event without end hides nothing', async (t) => {
  const engine = await fakeEngine(t)
  engine.intercept = endless('/events', Buffer.alloc(1 << 16, 0x61))
  await engine.start()
  const states: EngineState[] = []
  const directory = createEngineDirectory({
    address: engine.address,
    clock: hurried,
    onState: (state) => states.push(state),
  })
  t.teardown(() => directory.close())
  await until('a view', () => directory.connected)
  engine.containers = [{ name: 'after' }]
  await until('what came during it', () => directory.view().containers.length === 1)
  t.match(states, [{ connected: true }])
})

t.test('an engine that goes while it is followed is told in few words', async (t) => {
  const engine = await fakeEngine(t)
  await engine.start()
  const states: EngineState[] = []
  const directory = createEngineDirectory({
    address: engine.address,
    clock: hurried,
    onState: (state) => states.push(state),
  })
  t.teardown(() => directory.close())
  await until('a view', () => directory.connected)
  await until('a follower', () => engine.followers > 0)
  await engine.stop()
  await until('the loss', () => !directory.connected)
  const [, lost] = states
  t.match(lost, { connected: false, reason: /^\/v1\.41\/events: \w+$/ })
})

t.test('bytes that are not HTTP', async (t) => {
  const engine = await fakeEngine(t)
  const server = createServer((socket) => socket.on('error', () => {}).end('SSH-2.0-OpenSSH\r\n')).listen(engine.path)
  await once(server, 'listening')
  t.teardown(async () => {
    server.close()
    await rm(engine.path, { force: true })
  })
  const states: EngineState[] = []
  const directory = createEngineDirectory({
    address: engine.address,
    clock: hurried,
    onState: (state) => states.push(state),
  })
  t.teardown(() => directory.close())
  await until('word of it', () => states.length > 0)
  t.match(states[0], { connected: false, reason: /HPE_|Parse/ })
})
