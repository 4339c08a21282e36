import { fileURLToPath } from 'node:url'
import type { Engine } from './peers/engine.ts'
import type { Finished } from './processes.ts'
import type { Scenario } from './scenario.ts'

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const FILE = `${ROOT}docker-compose.test.yml`
/** Milliseconds. debootstrap takes two minutes on two busy cores, where nothing is cached. */
const IMAGES_MS = 400_000
/** Milliseconds for what compose does in a moment. */
const AT_ONCE_MS = 60_000

/** docker-compose.test.yml by one of the two programs that bring it up, against an engine that can pull nothing. */
export interface ComposeLab {
  readonly environment: Readonly<Record<string, string>>
  /** Makes the base image without pulling anything. */
  makeBase(): Promise<Finished>
  compose(args: readonly string[], timeoutMs?: number): Promise<Finished>
}

export function composeLab(
  scenario: Scenario,
  engine: Engine,
  program: readonly string[],
  more: Readonly<Record<string, string>>,
): ComposeLab {
  const environment = {
    DOCKER_HOST: `unix://${engine.socket}`,
    COMPOSE_PROJECT_NAME: 'lab',
    FAIRLEAD_TEST_BASE: 'fairlead-test-base:offline',
    ...more,
  }
  return {
    environment,
    makeBase: () => onTheMachine(scenario, ['bash', `${ROOT}test/e2e/offline-images`], environment),
    compose: (args, timeoutMs = AT_ONCE_MS) =>
      scenario.run('guest', [...program, '--ansi', 'never', '-f', FILE, ...args], { env: environment, timeoutMs }),
  }
}

/** On the machine itself, as a user would: packages come from its own mirrors. */
export function onTheMachine(scenario: Scenario, argv: string[], env: Record<string, string>): Promise<Finished> {
  return scenario.run('guest', argv, {
    env,
    timeoutMs: IMAGES_MS,
    wrap: (inner) => ['nsenter', `--target=${scenario.lab.runner}`, '--mount', '--net', ...inner],
  })
}

/** What a red assertion shows: the program's last words. */
export const said = ({ code, stdout, stderr }: Finished): string =>
  code === 0 ? 'ends well' : `exit code ${code}: ${stdout.slice(-20_000)}\n${stderr.slice(-4_000)}`
