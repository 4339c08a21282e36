import t from 'tap'
import type { Container, ContainerDirectory, ContainerView } from '../../../src/contracts/containers.ts'
import type { RouteQuery } from '../../../src/contracts/route.ts'
import { createContainerResolver } from '../../../src/services/reverse/create-container-resolver.ts'
import { createFixedRouter } from '../../../src/services/reverse/fixed-router.ts'

const directory = {
  connected: true,
  view: () => ({ networks: [], containers: [], stopped: [] }),
  byAddress: () => undefined,
} as unknown as ContainerDirectory

/** An engine that hangs, and whoever asks for what it is asked about. */
const never = () => new Promise<void>(() => {})
const resolver = createContainerResolver({ directory, ownAddresses: () => [], refresh: never })
const router = createFixedRouter(1, never)
const query = { target: { family: 4, host: '172.20.0.2', port: 80 } } as RouteQuery

t.test('a look at an engine that hangs is waited for by nobody who has gone', async (t) => {
  for (const ask of [
    (signal: AbortSignal) => resolver.resolve('web', signal),
    (signal: AbortSignal) => router.route(query, signal),
  ]) {
    const gone = new Error('the client has gone')
    await t.rejects(Promise.resolve(ask(AbortSignal.abort(gone))), gone, 'before')
    const ended = new AbortController()
    const asked = ask(ended.signal)
    ended.abort(gone)
    await t.rejects(Promise.resolve(asked), gone, 'meanwhile')
  }
})

t.test('one that answers', async (t) => {
  const refresh = async () => {}
  const { signal } = new AbortController()
  const quick = createContainerResolver({ directory, ownAddresses: () => [], refresh })
  await t.rejects(Promise.resolve(quick.resolve('web', signal)), { message: 'no such container: web' })
  t.equal((await createFixedRouter(7, refresh).route(query, signal)).generation, 7)
})

t.test('one that goes while it is asked: what it has not said is no word of nobody', async (t) => {
  let connected = true
  const refresh = async () => {
    connected = false
  }
  const going = {
    ...directory,
    get connected() {
      return connected
    },
  }
  const asked = createContainerResolver({ directory: going, ownAddresses: () => [], refresh })
  await t.rejects(Promise.resolve(asked.resolve('web', new AbortController().signal)), {
    message: 'no container web is known, and the Docker engine is away',
  })
})

t.test('a container that has lost its address is asked about anew, and is no stranger meanwhile', async (t) => {
  const { signal } = new AbortController()
  const endpoint = (network: string, address: string) => ({
    ...{ network, networkId: network, addresses: [address], aliases: [] },
  })
  const web = {
    ...{ id: 'w', name: 'web', image: 'nginx', labels: {} },
    endpoints: [endpoint('one', '172.20.0.2'), endpoint('two', '172.21.0.2')],
  }
  const network = (id: string, block: string, gateway: string) => ({
    ...{ id, name: id, driver: 'bridge', bridged: true, internal: false, subnets: [block], gateways: [gateway] },
  })
  const networks = [network('one', '172.20.0.0/16', '172.20.0.1'), network('two', '172.21.0.0/16', '172.21.0.1')]
  const view: ContainerView = { networks, containers: [web] }
  let whose: Record<string, Container> = {}
  let refreshed = 0
  let read = () => {}
  const ask = createContainerResolver({
    directory: { ...directory, view: () => view, byAddress: (address) => whose[address] },
    ownAddresses: () => networks.map(({ gateways }) => ({ device: 'br', address: gateways[0]! })),
    refresh: async () => {
      refreshed += 1
      read()
    },
  })
  await t.rejects(Promise.resolve(ask.resolve('web', signal)), {
    code: 'HOST_UNREACHABLE',
    message: 'whether the container web still has its address is not known',
  })
  t.equal(refreshed, 1)
  whose = { '172.20.0.2': { ...web, id: 'another' } }
  read = () => {
    whose = { '172.20.0.2': web }
  }
  const first = [{ address: '172.20.0.2', family: 4 as const }]
  t.strictSame(await ask.resolve('web', signal), first, 'it has started anew')
  t.equal(refreshed, 2)
  t.strictSame(await ask.resolve('web', signal), first, 'the address that it has left')
  t.equal(refreshed, 2)
})
