import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { peerFolder } from '../peers/peer.ts'
import type { Scenario } from '../scenario.ts'

/** apt with folders of its own and one source: nothing of the machine's apt is read or written, and no proxy is set. */
export function aptFolders(
  scenario: Scenario,
  source: string,
): { readonly env: { APT_CONFIG: string }; readonly cwd: string } {
  const folder = peerFolder(scenario, 'apt-client')
  for (const name of ['state/lists/partial', 'cache/archives/partial', 'etc']) {
    mkdirSync(join(folder, name), { recursive: true })
  }
  writeFileSync(join(folder, 'etc/sources.list'), `deb [trusted=yes] ${source} ./\n`)
  const configuration = [
    'Dir::Etc::main "/dev/null"; Dir::Etc::parts "/dev/null"; Dir::Etc::sourceparts "/dev/null";',
    `Dir::Etc::sourcelist "${folder}/etc/sources.list"; Dir::State "${folder}/state"; Dir::Cache "${folder}/cache";`,
    'Dir::State::status "/dev/null"; APT::Sandbox::User "root"; Acquire::Retries "0"; Acquire::Languages "none";',
    `Acquire::https::CaInfo "${scenario.ca.file}";`,
  ]
  writeFileSync(join(folder, 'etc/apt.conf'), configuration.join('\n'))
  return { env: { APT_CONFIG: join(folder, 'etc/apt.conf') }, cwd: folder }
}
