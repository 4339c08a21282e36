import t from 'tap'
import { routesIPv4, routesIPv6, specialCollisions } from '../../../src/gateway/special-collisions.ts'
import { loadText } from '../../fixtures/settings/load-text.ts'

const settings = async (text: string) => (await loadText(text)).loaded!.settings

t.test('a network of this machine holds a special address', async (t) => {
  const lan = { device: 'eth0', cidr: '192.168.65.7/24' }
  const site = { device: 'tun0', cidr: '10.0.0.1/8' }
  const defaults = await settings('{}')
  t.match(specialCollisions(defaults, [lan, site]), [
    /^dns\.hostAddress: 192\.168\.65\.254 is in the network 192\.168\.65\.7\/24 of eth0, .*choose an address/,
    /^dns\.gatewayAddress: 192\.168\.65\.1 is in/,
  ])
  t.same(specialCollisions(defaults, [site]), [])
  const moved = await settings('dns: { hostAddress: 10.9.9.254, gatewayAddress: 172.31.0.1 }')
  t.match(specialCollisions(moved, [lan, site]), [/^dns\.hostAddress: 10\.9\.9\.254/])
  t.match(specialCollisions(defaults, [{ device: 'wg0', cidr: 'fdc4:f303:9324::1/64' }]), [
    /^dns\.hostAddress: fdc4:f303:9324::254/,
  ])
})

t.test('a route of this machine, such as a VPN’s, leads to a special address', async (t) => {
  const four = routesIPv4(`Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
tun0\t00000080\t010200C0\t0003\t0\t0\t0\t00000080\t0\t0\t0
tun0\t0041A8C0\t010200C0\t0003\t0\t0\t0\t00FFFFFF\t0\t0\t0
*\t0000000A\t00000000\t0201\t0\t0\t0\t000000FF\t0\t0\t0
`)
  t.same(four, [{ device: 'tun0', cidr: '192.168.65.0/24', routed: true }])
  const none = '0'.repeat(32)
  const six = routesIPv6(`${none} 00 ${none} 00 ${none} 00000400 00000001 00000000 00000003     eth0
fdc4f303932400000000000000000000 40 ${none} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     tun0
fe800000000000000000000000000000 40 ${none} 00 ${none} 00000100 00000001 00000000 00000001     eth0
fdc4f303932400000000000000000000 30 ${none} 00 ${none} ffffffff 00000001 00000000 00200200       lo
`)
  t.same(six, [{ device: 'tun0', cidr: 'fdc4:f303:9324::/64', routed: true }])
  t.match(specialCollisions(await settings('{}'), [...four, ...six]), [
    /^dns\.hostAddress: 192\.168\.65\.254 is behind the route to 192\.168\.65\.0\/24 by tun0, .*choose an address/,
    /^dns\.hostAddress: fdc4:f303:9324::254 is behind the route to fdc4:f303:9324::\/64/,
    /^dns\.gatewayAddress: 192\.168\.65\.1 is behind/,
  ])
})
