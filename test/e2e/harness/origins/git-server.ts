import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CORP } from '../lab.ts'
import { peerFolder } from '../peers/peer.ts'
import type { Scenario } from '../scenario.ts'

export interface GitServer {
  /** `http://origin.test:PORT/project.git`, and the same with TLS. */
  readonly http: string
  readonly https: string
  /** The content of the file `message` in the repository: new in every run. */
  readonly message: string
}

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url))

/** A bare repository behind git's own http-backend. */
export async function startGitServer(scenario: Scenario): Promise<GitServer> {
  const folder = peerFolder(scenario, 'git')
  const message = randomBytes(8).toString('hex')
  const work = join(folder, 'work')
  const bare = join(folder, 'served/project.git')
  mkdirSync(work)
  writeFileSync(join(work, 'message'), message)
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: work, env: { ...process.env, ...IDENTITY }, stdio: 'pipe' })
  git('init', '--quiet')
  git('add', 'message')
  git('commit', '--quiet', '--message', 'the message')
  execFileSync('git', ['clone', '--quiet', '--bare', work, bare], { stdio: 'pipe' })
  execFileSync('git', ['--git-dir', bare, 'config', 'http.receivepack', 'true'])
  const leaf = await scenario.ca.leaf('origin.test', CORP['origin.test'])
  const program = fileURLToPath(new URL('serve-git.ts', import.meta.url))
  const argv = [
    process.execPath,
    '--import=tsx',
    program,
    CORP['origin.test'],
    leaf.cert,
    leaf.key,
    join(folder, 'served'),
  ]
  const running = scenario.start('corp', 'git-server', argv, { cwd: ROOT })
  const line = await running.until('its ports', () => running.stdout.includes('\n') && running.stdout)
  const ports = JSON.parse(line) as { http: number; https: number }
  return {
    http: `http://origin.test:${ports.http}/project.git`,
    https: `https://origin.test:${ports.https}/project.git`,
    message,
  }
}

export const IDENTITY = {
  GIT_AUTHOR_NAME: 'e2e',
  GIT_AUTHOR_EMAIL: 'e2e@example.com',
  GIT_COMMITTER_NAME: 'e2e',
  GIT_COMMITTER_EMAIL: 'e2e@example.com',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
}
