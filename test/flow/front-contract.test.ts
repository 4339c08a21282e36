import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import type { RelayEnd } from '../../src/contracts/relay.ts'
import { read } from '../contract/far-ends.ts'
import { slowEndingContract } from '../contract/slow-endings.ts'
import { type MakeTunnels, NO_LIMITS, tunnelContract } from '../contract/tunnel.ts'
import { startTestGateway, type TestGateway } from '../fixtures/gateway.ts'
import { until } from '../fixtures/until.ts'

if (process.platform !== 'linux' || process.env['FAIRLEAD_FAST_RELAY'] === 'off') t.plan(0, 'there is no front')
else {
  for (const frontThreads of [1, 3]) {
    t.test(`threads: ${frontThreads}`, async (t) => contract(t, frontThreads))
  }
}

function contract(t: Test, frontThreads: number): void {
  const gateways: TestGateway[] = []
  let opened = 0
  const make: MakeTunnels = async ({ idleMs, lifetimeMs }) => {
    const timeouts = {
      ...(idleMs > 0 ? { idle: `${idleMs}ms` } : {}),
      ...(lifetimeMs > 0 ? { lifetime: `${lifetimeMs}ms` } : {}),
    }
    const gateway = await startTestGateway(t, { timeouts }, { front: 'at-once', frontThreads })
    gateways.push(gateway)
    return { open: () => openThrough(gateway), close: () => gateway.gateway.close() }
  }
  tunnelContract(t, make)
  t.test('slow endings', async (t) => {
    const tunnels = await make(NO_LIMITS)
    slowEndingContract(t, async () => Object.assign(await tunnels.open(), { letTimePass: () => {} }))
    t.teardown(() => tunnels.close())
  })
  t.test('those tunnels were the front’s indeed', async (t) => {
    t.equal(
      gateways.reduce((sum, { gateway }) => sum + gateway.frontTunnels, 0),
      opened,
    )
  })

  const openThrough = async (gateway: TestGateway) => {
    opened += 1
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const target = `127.0.0.1:${port}`
    const client = connect({ port: gateway.port, host: '127.0.0.1', allowHalfOpen: true })
    client.on('error', () => {})
    await once(client, 'connect')
    // The kernel gives a listener the port of an earlier one again, if seldom: the target alone may name two tunnels.
    const from = `127.0.0.1:${client.localPort}`
    const isThis = (flow: { client?: string | undefined; target?: string | undefined }) =>
      flow.client === from && flow.target === target
    client.write(Buffer.from([5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 255]))
    const [[origin], answer] = (await Promise.all([once(server, 'connection'), read(client, 12)])) as [[Socket], string]
    server.close()
    origin.on('error', () => {})
    if (answer.charCodeAt(3) !== 0) throw new Error(`refused: ${answer.charCodeAt(3)}`)
    const line = () => gateway.flows().find(isThis)
    const live = () => line() ?? gateway.gateway.status().flows.find(isThis)
    return {
      client,
      origin,
      result: until('it is logged', () => line() !== undefined, 60_000).then(() => {
        const { bytesUp = -1, bytesDown = -1, firstByteMs, ended } = line()!
        return { bytesUp, bytesDown, ...(firstByteMs === undefined ? {} : { firstByteMs }), ended: ended as RelayEnd }
      }),
      counts: {
        get bytesUp() {
          return live()?.bytesUp ?? 0
        },
        get bytesDown() {
          return live()?.bytesDown ?? 0
        },
      },
      abort: () => void gateway.gateway.close(),
      abortsAlone: false,
    }
  }
}
