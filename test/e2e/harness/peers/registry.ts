import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CORP, type CorpName } from '../lab.ts'
import { takePort } from '../ports.ts'
import type { Running } from '../processes.ts'
import type { Scenario } from '../scenario.ts'
import { peerFolder } from './peer.ts'

export type RegistryName = Extract<CorpName, `registry-${string}`>

export interface Registry {
  readonly running: Running
  /** `registry-a.test:PORT`, as image names begin. */
  readonly authority: string
  /** Its access log in Apache's form: one line a request, beginning with the address it came from. */
  log(): string
}

export async function startRegistry(
  scenario: Scenario,
  name: RegistryName,
  { tls }: { tls: boolean },
): Promise<Registry> {
  const folder = peerFolder(scenario, name)
  const port = takePort()
  const leaf = await scenario.ca.leaf(name)
  const config = {
    version: '0.1',
    log: { level: 'info', formatter: 'json', accesslog: { disabled: false } },
    storage: { filesystem: { rootdirectory: join(folder, 'data') }, delete: { enabled: true } },
    http: {
      addr: `${CORP[name]}:${port}`,
      ...(tls ? { tls: { certificate: leaf.cert, key: leaf.key } } : {}),
    },
  }
  writeFileSync(join(folder, 'config.yml'), JSON.stringify(config))
  const running = scenario.start('corp', name, ['docker-registry', 'serve', join(folder, 'config.yml')])
  await running.listening(CORP[name], port)
  return { running, authority: `${name}:${port}`, log: () => running.stdout }
}
