import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CORP, type CorpName } from '../lab.ts'
import type { Running } from '../processes.ts'
import type { Scenario } from '../scenario.ts'

/** An upstream proxy in corp: a real program, on an address that nothing else uses. */
export interface Peer {
  readonly name: CorpName
  readonly address: string
  readonly port: number
  readonly running: Running
  readonly user: PeerUser | undefined
  /** All that it has logged so far. */
  log(): string
  /** `scheme://user:password@name:port`, as settings take it. */
  url(scheme: string): string
}

export interface PeerUser {
  readonly name: string
  readonly password: string
}

/** Characters that a careless encoder gets wrong: in a URL, in Basic, in a configuration file. */
export const AWKWARD_USER: PeerUser = { name: 'corp-user', password: 'p@ss:w/rd%20+?&=1' }

export function peer(name: CorpName, port: number, running: Running, log: () => string, user?: PeerUser): Peer {
  const userInfo = user ? `${encodeURIComponent(user.name)}:${encodeURIComponent(user.password)}@` : ''
  return {
    name,
    address: CORP[name],
    port,
    running,
    user,
    log,
    url: (scheme) => `${scheme}://${userInfo}${name}:${port}`,
  }
}

let folders = 0

/** A folder for one peer's files, open to the unprivileged user that it becomes. */
export function peerFolder(scenario: Scenario, name: string): string {
  const folder = join(scenario.lab.folder, `${process.pid}-${name}-${++folders}`)
  mkdirSync(folder)
  chmodSync(folder, 0o777)
  return folder
}

export function readLog(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}
