import t from 'tap'
import { curl, originAnswer, through } from './harness/clients/curl.ts'
import { startGateway } from './harness/gateway.ts'
import { CORP, GATEWAY_FOR_CORP } from './harness/lab.ts'
import { startOrigins } from './harness/origins/origins.ts'
import { startSquid } from './harness/peers/squid.ts'
import { joinScenario } from './harness/scenario.ts'

// A VPN that comes and goes under a running gateway, whose PAC script asks for the machine's own address.

/** Two seconds between looks, and what a busy machine adds. */
const NOTICED_MS = 8_000
const VPN_ADDRESS = '10.77.9.1'

const scenario = await joinScenario(t)
const origins = await startOrigins(scenario)
const squid = await startSquid(scenario)

await t.test('the decision follows the network', async (t) => {
  const gateway = await startGateway(scenario, {
    proxy: {
      embeddedPac: `function FindProxyForURL(url, host) {
        return myIpAddress() === "${VPN_ADDRESS}" ? "PROXY squid.corp.test:${squid.port}" : "DIRECT" }`,
    },
  })
  const from = async () => originAnswer(await curl(scenario, [...through('http', gateway.mixed), origins.http()])).from
  const changes = () => gateway.log().filter((line) => line.msg === 'the network has changed')
  const ip = async (...args: string[]) => {
    const done = await scenario.run('gateway', ['ip', ...args])
    t.equal(done.code, 0, `ip ${args.join(' ')} ${done.stderr}`)
  }

  t.equal(await from(), GATEWAY_FOR_CORP)
  await ip('link', 'add', 'vpn0', 'type', 'veth', 'peer', 'name', 'vpn1')
  let there = true
  t.teardown(() => (there ? ip('link', 'delete', 'vpn0') : undefined))
  await ip('address', 'add', `${VPN_ADDRESS}/24`, 'dev', 'vpn0')
  await ip('link', 'set', 'vpn0', 'up')
  await ip('link', 'set', 'vpn1', 'up')
  await ip('route', 'add', 'default', 'dev', 'vpn0')
  await gateway.running.until('the VPN to be noticed', () => changes().length === 1, NOTICED_MS)
  t.match(changes()[0]?.['changed'], `+${VPN_ADDRESS}/24 vpn0, +default via 0.0.0.0 dev vpn0`)
  t.equal(await from(), CORP['squid.corp.test'])

  await ip('link', 'delete', 'vpn0')
  there = false
  await gateway.running.until('its end to be noticed', () => changes().length === 2, NOTICED_MS)
  t.match(changes()[1]?.['changed'], `-${VPN_ADDRESS}/24 vpn0`)
  t.equal(await from(), GATEWAY_FOR_CORP)
})
