import { test } from 'tap'
import { createOwnEndpoints } from '../../../src/router/own-endpoints.ts'

const clock = { wall: () => 0, monotonic: () => 0, after: () => () => {} }

test('what leads back to the gateway', async (t) => {
  const local = ['127.0.0.1', '::1', '192.168.1.5', '2001:db8::5']
  const rows: [listening: string, yes: string[], no: string[]][] = [
    ['127.0.0.1', ['127.0.0.1', '0.0.0.0'], ['127.0.0.2', '::1', '::', '192.168.1.5', '10.0.0.1']],
    ['::1', ['::1', '::'], ['127.0.0.1', '0.0.0.0', '192.168.1.5']],
    ['192.168.1.5', ['192.168.1.5'], ['127.0.0.1', '0.0.0.0']],
    ['0.0.0.0', ['127.0.0.1', '127.9.9.9', '0.0.0.0', '192.168.1.5'], ['10.0.0.1', '2001:db8::6']],
    ['::', ['127.0.0.1', '::1', '::', '0.0.0.0', '192.168.1.5', '2001:db8::5'], ['10.0.0.1', '2001:db8::6']],
    ['::ffff:127.0.0.1', ['127.0.0.1'], ['127.0.0.2']],
    ['/run/fairlead.sock', [], ['127.0.0.1']],
  ]
  for (const [address, yes, no] of rows) {
    const endpoints = () => [{ address, port: 3128 }]
    const isOwn = createOwnEndpoints({ endpoints, clock, localAddresses: () => local })
    for (const destination of yes) t.ok(isOwn(destination, 3128), `listening on ${address}: ${destination}`)
    for (const destination of no) t.notOk(isOwn(destination, 3128), `listening on ${address}: ${destination}`)
    for (const destination of yes) t.notOk(isOwn(destination, 3129), `another port of ${destination}`)
  }
})

test("the host's addresses are read again after a while, and endpoints at once", async (t) => {
  let now = 0
  let local = ['192.168.1.5']
  let reads = 0
  let endpoints = [{ address: '0.0.0.0', port: 3128 }]
  const isOwn = createOwnEndpoints({
    endpoints: () => endpoints,
    clock: { ...clock, monotonic: () => now },
    localAddresses: () => {
      reads++
      return local
    },
  })
  t.ok(isOwn('192.168.1.5', 3128))
  local = ['192.168.1.6']
  t.notOk(isOwn('192.168.1.6', 3128), 'still the old list')
  t.equal(reads, 1)
  now = 2001
  t.ok(isOwn('192.168.1.6', 3128))
  t.notOk(isOwn('192.168.1.5', 3128))
  t.equal(reads, 2)
  endpoints = []
  t.notOk(isOwn('192.168.1.6', 3128))
})

test('without being told, it knows the addresses of this host', async (t) => {
  const isOwn = createOwnEndpoints({ endpoints: () => [{ address: '::', port: 1 }], clock })
  t.ok(isOwn('127.0.0.1', 1))
  t.notOk(isOwn('192.0.2.77', 1))
})
