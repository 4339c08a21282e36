import { fileURLToPath } from 'node:url'
import { CORP, CORP_IPV6, ONLY_INSIDE } from '../lab.ts'
import type { Scenario } from '../scenario.ts'

export interface Origins {
  readonly name: 'origin.test'
  readonly address: string
  readonly ports: Readonly<Record<'http' | 'https' | 'banner' | 'late' | 'http6', number>>
  /** `http://origin.test:PORT/path`. */
  http(path?: string): string
  https(path?: string): string
}

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url))

export async function startOrigins(scenario: Scenario): Promise<Origins> {
  const address = CORP['origin.test']
  const leaf = await scenario.ca.leaf('origin.test', ONLY_INSIDE, address)
  const program = fileURLToPath(new URL('serve.ts', import.meta.url))
  const argv = [process.execPath, '--import=tsx', program, address, leaf.cert, leaf.key, CORP_IPV6['origin.test']]
  const running = scenario.start('corp', 'origins', argv, { cwd: ROOT })
  const line = await running.until('its ports', () => running.stdout.includes('\n') && running.stdout)
  const ports = JSON.parse(line) as Origins['ports']
  return {
    name: 'origin.test',
    address,
    ports,
    http: (path = '/') => `http://origin.test:${ports.http}${path}`,
    https: (path = '/') => `https://origin.test:${ports.https}${path}`,
  }
}
