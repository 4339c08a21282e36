import t from 'tap'
import {
  readSocketAddress,
  SOCKET_ADDRESS_BYTES,
  writeSocketAddress,
} from '../../../src/system/linux/socket-address.ts'

t.test('addresses survive the way through the kernel’s form', async (t) => {
  const bytes = new Uint8Array(SOCKET_ADDRESS_BYTES).fill(0xff)
  for (const address of ['127.0.0.1', '255.255.255.255', '::1', '2001:db8::1', 'fe80::1:2:3']) {
    const endpoint = { address, port: 40_321 }
    t.equal(writeSocketAddress(bytes, endpoint), address.includes(':') ? 28 : 16)
    t.same(readSocketAddress(bytes), endpoint)
  }
})

t.test('an IPv4 client of an IPv6 socket has its IPv4 address; other families have none', async (t) => {
  const bytes = new Uint8Array(SOCKET_ADDRESS_BYTES)
  writeSocketAddress(bytes, { address: '::', port: 80 })
  bytes.set([0xff, 0xff, 192, 0, 2, 7], 18)
  t.same(readSocketAddress(bytes), { address: '192.0.2.7', port: 80 })
  t.equal(readSocketAddress(new Uint8Array([1, 0, 0, 0])), undefined)
})
