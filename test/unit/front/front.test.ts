import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import t from 'tap'

const skip = process.platform !== 'linux' && 'the front is for Linux'

t.test(
  'without a place: a captured client is reset, and one that has asked for a proxy hears an end',
  { skip },
  async (t) => {
    const { Front } = await import('../../../src/front/front.ts')
    const { clientCountsMemory, ClientCounts } = await import('../../../src/front/client-counts.ts')
    const { duplicate } = await import('../../../src/system/linux/descriptors.ts')
    const front = new Front({
      startTunnel: () => t.fail('a tunnel'),
      admits: () => true,
      receive: () => [],
      post: () => {},
      counts: () => [0, 0, -1],
      clearRow: () => {},
      holdQueue: () => t.fail('a queue'),
      progress: () => 0,
      threads: 1,
      descriptors: new Int32Array(8),
      own: new Int32Array(8),
      connections: Int32Array.of(5, 0, 5, 0),
      clients: new ClientCounts(
        clientCountsMemory(() => 1),
        'front',
      ),
      epoch: new Int32Array(1),
    } as unknown as ConstructorParameters<typeof Front>[0])
    t.teardown(() => front.loop.close())
    for (const [number, captured, ended] of [
      [0, true, 'ECONNRESET'],
      [1, false, 'end'],
    ] as const) {
      const server = createServer()
      const origin = await new Promise<number>((resolve) => {
        server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
      })
      const client = connect(origin, '127.0.0.1')
      const over = new Promise<string>((resolve) => {
        client.once('end', () => resolve('end')).once('error', ({ code }: NodeJS.ErrnoException) => resolve(code!))
      })
      client.resume()
      const [accepted] = (await once(server, 'connection')) as [Socket & { _handle: { fd: number } }]
      const fd = duplicate(accepted._handle.fd)
      const rules = { serves: true, captured, from: [], maxConnections: 5 }
      front.arrived({ number, rules } as unknown as Parameters<typeof front.arrived>[0], fd, {
        address: '127.0.0.1',
        port: 1,
      })
      accepted.destroy()
      t.equal(await over, ended)
      client.destroy()
      server.close()
    }
  },
)
