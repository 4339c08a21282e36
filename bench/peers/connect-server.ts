import { connect, createServer, type Socket } from 'node:net'
import { systemClock } from '../../src/contracts/clock.ts'
import { createRelay } from '../../src/relay/create-relay.ts'

/** CONNECT and nothing else around a way to move bytes: what that way costs. Arguments: port, `fast`, `portable` or `pipe`, and an address. */
const [port, kind, address = '127.0.0.1'] = process.argv.slice(2)
const relay = createRelay({
  idleMs: 600_000,
  lifetimeMs: 0,
  clock: systemClock,
  fast: kind === 'fast',
  onFastPathLost: (reason) => console.error(reason),
})
await relay.started

function carry(client: Socket, upstream: Socket): void {
  if (kind === 'pipe') {
    client.pipe(upstream)
    upstream.pipe(client)
  } else relay(client, upstream, new AbortController().signal)
}

createServer({ allowHalfOpen: true }, (client) => {
  client.on('error', () => client.destroy())
  client.once('data', (head: Buffer) => {
    client.pause()
    const target = /^CONNECT ([^ :]+):(\d+)/.exec(head.toString('latin1'))
    if (!target) {
      client.destroy()
      return
    }
    const upstream = connect({ host: target[1]!, port: Number(target[2]), allowHalfOpen: true }, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      carry(client, upstream)
    })
    upstream.on('error', () => client.destroy())
  })
}).listen(Number(port), address)
process.on('disconnect', () => process.exit())
process.on('SIGTERM', () => process.exit())
