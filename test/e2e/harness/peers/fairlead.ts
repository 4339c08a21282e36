import { startGateway } from '../gateway.ts'
import { CORP } from '../lab.ts'
import { takePort } from '../ports.ts'
import type { Scenario } from '../scenario.ts'
import { type Peer, type PeerUser, peer } from './peer.ts'

/** Another Fairlead further out: every hop kind there is, SOCKS4a among them. */
export async function startFairleadPeer(
  scenario: Scenario,
  { user, tls = false }: { user?: PeerUser; tls?: boolean } = {},
): Promise<Peer> {
  const port = takePort()
  const address = `${CORP['fairlead.corp.test']}:${port}`
  const leaf = await scenario.ca.leaf('fairlead.corp.test')
  const from = ['10.77.2.0/24']
  const listen = {
    ...(tls ? { mixed: [], tls: { address, cert: leaf.cert, key: leaf.key, from } } : { mixed: { address, from } }),
    ...(user ? { auth: { users: { [user.name]: user.password } } } : {}),
  }
  const gateway = await startGateway(scenario, {}, { host: 'corp', listen })
  await gateway.running.listening(CORP['fairlead.corp.test'], port)
  return peer('fairlead.corp.test', port, gateway.running, () => gateway.running.stderr, user)
}
