import { CORP } from '../lab.ts'
import { takePort } from '../ports.ts'
import type { Scenario } from '../scenario.ts'
import { type Peer, type PeerUser, peer } from './peer.ts'

/** SOCKS5. It logs each connection on standard error. */
export async function startMicrosocks(scenario: Scenario, { user }: { user?: PeerUser } = {}): Promise<Peer> {
  const port = takePort()
  const address = CORP['microsocks.corp.test']
  const credentials = user ? ['-u', user.name, '-P', user.password] : []
  const argv = ['microsocks', '-i', address, '-p', String(port), '-b', address, ...credentials]
  const running = scenario.start('corp', 'microsocks', argv)
  await running.listening(address, port)
  return peer('microsocks.corp.test', port, running, () => running.stderr, user)
}
