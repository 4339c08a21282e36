import t from 'tap'
import { specialCollisions } from '../../../src/gateway/special-collisions.ts'
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
