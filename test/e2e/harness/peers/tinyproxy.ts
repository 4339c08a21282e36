import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CORP } from '../lab.ts'
import { takePort } from '../ports.ts'
import type { Scenario } from '../scenario.ts'
import { type Peer, type PeerUser, peer, peerFolder, readLog } from './peer.ts'

/** Its configuration grammar takes no punctuation in passwords, so the user is a plain one. */
export const TINYPROXY_USER: PeerUser = { name: 'tiny', password: 'Secret-42' }

export async function startTinyproxy(scenario: Scenario, { user }: { user?: PeerUser } = {}): Promise<Peer> {
  const folder = peerFolder(scenario, 'tinyproxy')
  const port = takePort()
  const address = CORP['tinyproxy.corp.test']
  const config = [
    'User nobody',
    'Group nogroup',
    `Port ${port}`,
    `Listen ${address}`,
    `Bind ${address}`,
    'Timeout 600',
    `LogFile "${folder}/tinyproxy.log"`,
    'LogLevel Connect',
    'MaxClients 100',
    ...(user ? [`BasicAuth ${user.name} ${user.password}`] : []),
  ]
  writeFileSync(join(folder, 'tinyproxy.conf'), `${config.join('\n')}\n`)
  const running = scenario.start('corp', 'tinyproxy', ['tinyproxy', '-d', '-c', `${folder}/tinyproxy.conf`])
  await running.listening(address, port)
  return peer('tinyproxy.corp.test', port, running, () => readLog(`${folder}/tinyproxy.log`), user)
}
