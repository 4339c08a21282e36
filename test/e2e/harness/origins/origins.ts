import { fileURLToPath } from 'node:url'
import { CORP, CORP_IPV6, ONLY_INSIDE } from '../lab.ts'
import type { Scenario } from '../scenario.ts'
import { sha256 } from './made-up-bytes.ts'

export interface Origins {
  readonly name: 'origin.test'
  readonly address: string
  readonly ports: Readonly<Record<'http' | 'https' | 'banner' | 'late' | 'farewell' | 'http6', number>>
  /** `http://origin.test:PORT/path`. */
  http(path?: string): string
  https(path?: string): string
  /** Resolves when the farewell origin has heard exactly these bytes, with the address they came from; rejects after `HEARD_MS`. */
  heard(bytes: Buffer): Promise<string>
}

const HEARD_MS = 5_000

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url))

export async function startOrigins(scenario: Scenario): Promise<Origins> {
  const address = CORP['origin.test']
  const leaf = await scenario.ca.leaf('origin.test', ONLY_INSIDE, address)
  const program = fileURLToPath(new URL('serve.ts', import.meta.url))
  const argv = [process.execPath, '--import=tsx', program, address, leaf.cert, leaf.key, CORP_IPV6['origin.test']]
  const running = scenario.start('corp', 'origins', argv, { cwd: ROOT })
  const line = await running.until('its ports', () => running.stdout.includes('\n') && running.stdout)
  const ports = JSON.parse(line.slice(0, line.indexOf('\n'))) as Origins['ports']
  return {
    name: 'origin.test',
    address,
    ports,
    http: (path = '/') => `http://origin.test:${ports.http}${path}`,
    heard: (bytes) => {
      const digest = sha256(bytes)
      const find = () => running.stdout.split('\n').find((text) => text.includes(digest))
      return running.until(
        'all that was said',
        () => find() && (JSON.parse(find()!) as { from: string }).from,
        HEARD_MS,
      )
    },
    https: (path = '/') => `https://origin.test:${ports.https}${path}`,
  }
}
