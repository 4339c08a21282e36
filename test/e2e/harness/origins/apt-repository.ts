import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CORP } from '../lab.ts'
import { peerFolder } from '../peers/peer.ts'
import type { Scenario } from '../scenario.ts'

export interface AptRepository {
  readonly http: string
  readonly https: string
  readonly package: 'fairlead-e2e'
  /** The package's version: new in every run. */
  readonly version: string
}

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url))

/** A flat repository with one package that dpkg-deb has just built. */
export async function startAptRepository(scenario: Scenario): Promise<AptRepository> {
  const folder = peerFolder(scenario, 'apt')
  const version = `1.${randomBytes(4).readUInt32BE()}`
  const tree = join(folder, 'tree')
  mkdirSync(join(tree, 'DEBIAN'), { recursive: true })
  const control = `Package: fairlead-e2e\nVersion: ${version}\nArchitecture: all\nMaintainer: e2e <e2e@example.com>\nDescription: a package\n`
  writeFileSync(join(tree, 'DEBIAN/control'), control)
  execFileSync('dpkg-deb', ['--root-owner-group', '--build', tree, join(folder, 'fairlead-e2e.deb')], { stdio: 'pipe' })
  const packages = execFileSync('dpkg-scanpackages', ['.'], { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] })
  writeFileSync(join(folder, 'Packages'), packages)
  const leaf = await scenario.ca.leaf('origin.test', CORP['origin.test'])
  const program = fileURLToPath(new URL('serve-files.ts', import.meta.url))
  const argv = [process.execPath, '--import=tsx', program, CORP['origin.test'], leaf.cert, leaf.key, folder]
  const running = scenario.start('corp', 'apt-repository', argv, { cwd: ROOT })
  const line = await running.until('its ports', () => running.stdout.includes('\n') && running.stdout)
  const ports = JSON.parse(line) as { http: number; https: number }
  const [http, https] = [`http://origin.test:${ports.http}`, `https://origin.test:${ports.https}`]
  return { http, https, package: 'fairlead-e2e', version }
}
