import t from 'tap'
import type { Container, ContainerDirectory } from '../../../src/contracts/containers.ts'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { whileRunning } from '../../../src/services/reverse/while-running.ts'
import { targetFromHost } from '../../../src/wire/target.ts'

function container(id: string, address: string): Container {
  const endpoint = { network: 'net', networkId: 'n', addresses: [address], aliases: ['web'] }
  return { id, name: `shop_${id}`, image: 'box', labels: {}, endpoints: [endpoint] } as unknown as Container
}

function engine(...containers: Container[]) {
  const listeners = new Set<() => void>()
  let running = containers
  const directory = {
    connected: true,
    view: () => ({ networks: [], containers: running }),
    byAddress: (address: string) => running.find(({ endpoints }) => endpoints[0]?.addresses.includes(address)),
    onChange: (listener: () => void) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  } as unknown as ContainerDirectory
  const change = (...now: Container[]) => {
    running = now
    for (const listener of listeners) listener()
  }
  return { directory, change, listeners }
}

/** A dial to an address that nobody has any more: no answer. */
const silence = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
const alive = new AbortController().signal

t.test('its container ends while it is dialled: said at once, by name', async (t) => {
  for (const host of ['172.17.0.2', 'web']) {
    const { directory, change, listeners } = engine(container('one', '172.17.0.2'))
    const dialled = whileRunning(directory, targetFromHost(host, 8080), alive, silence)
    change()
    await t.rejects(dialled, {
      code: 'HOST_UNREACHABLE',
      message: `the container shop_one has ended while ${host}:8080 was dialled`,
    })
    t.equal(listeners.size, 0, 'nobody listens any more')
  }
})

t.test('its address has gone to another', async (t) => {
  const { directory, change } = engine(container('one', '172.17.0.2'))
  const dialled = whileRunning(directory, targetFromHost('172.17.0.2', 8080), alive, silence)
  change(container('two', '172.17.0.2'))
  await t.rejects(dialled, { code: 'HOST_UNREACHABLE' })
})

t.test('of several replicas one is left; others come and go', async (t) => {
  const [one, two] = [container('one', '172.17.0.2'), container('two', '172.17.0.3')]
  const { directory, change } = engine(one, two)
  let answer = (_: string) => {}
  const dialled = whileRunning(
    directory,
    targetFromHost('web', 8080),
    alive,
    (signal) =>
      new Promise<string>((resolve, reject) => {
        answer = resolve
        signal.addEventListener('abort', () => reject(signal.reason))
      }),
  )
  change(two)
  change(two, container('three', '172.17.0.4'))
  answer('connected')
  t.equal(await dialled, 'connected')
})

t.test('one that the engine has told of only just now', async (t) => {
  const { directory, change } = engine()
  const dialled = whileRunning(directory, targetFromHost('web', 8080), alive, silence)
  change(container('one', '172.17.0.2'))
  change()
  await t.rejects(dialled, { code: 'HOST_UNREACHABLE', message: /shop_one/ })
})

t.test('the client goes', async (t) => {
  const { directory } = engine(container('one', '172.17.0.2'))
  const gone = new AbortController()
  const dialled = whileRunning(directory, targetFromHost('web', 8080), gone.signal, silence)
  gone.abort(new GatewayError('CLIENT_GONE', 'gone'))
  await t.rejects(dialled, { code: 'CLIENT_GONE' })
})
