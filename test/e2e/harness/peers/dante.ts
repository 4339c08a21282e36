import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CORP, CORP_IPV6, CORP_USER } from '../lab.ts'
import { takePort } from '../ports.ts'
import type { Scenario } from '../scenario.ts'
import { type Peer, peer, peerFolder, readLog } from './peer.ts'

/** SOCKS4 and 5 (not 4a). With a password it asks for a system user, who exists in the corp namespace only (`lab.ts`). */
export async function startDante(scenario: Scenario, { password = false } = {}): Promise<Peer> {
  const folder = peerFolder(scenario, 'dante')
  const port = takePort()
  const address = CORP['dante.corp.test']
  const config = [
    `logoutput: ${folder}/danted.log`,
    `internal: ${address} port = ${port}`,
    `external: ${address}`,
    `external: ${CORP_IPV6['dante.corp.test']}`,
    'clientmethod: none',
    `socksmethod: ${password ? 'username' : 'none'}`,
    'user.privileged: root',
    'user.unprivileged: nobody',
    'client pass { from: 0/0 to: 0/0 }',
    'socks pass { from: 0/0 to: 0/0 log: connect disconnect error }',
  ]
  writeFileSync(join(folder, 'danted.conf'), `${config.join('\n')}\n`)
  const running = scenario.start('corp', 'danted', [
    'danted',
    '-f',
    `${folder}/danted.conf`,
    '-p',
    `${folder}/danted.pid`,
  ])
  await running.listening(address, port)
  return peer('dante.corp.test', port, running, () => readLog(`${folder}/danted.log`), password ? CORP_USER : undefined)
}
