import type { Host } from '../lab.ts'
import type { Finished } from '../processes.ts'
import type { Scenario } from '../scenario.ts'
import type { ProxyAddress } from './tunnel.ts'

const MAX_SECONDS = '30'

/** curl, trusting the test CA for origins and proxies alike, with no settings of the tester's own. */
export function curl(scenario: Scenario, args: readonly string[], host: Host = 'gateway'): Promise<Finished> {
  const fixed = [
    '-q',
    '-sS',
    '--max-time',
    MAX_SECONDS,
    '--cacert',
    scenario.ca.file,
    '--proxy-cacert',
    scenario.ca.file,
  ]
  return scenario.run(host, ['curl', ...fixed, ...args])
}

/** Every way in which curl can be told to use a door. */
export const CURL_WAYS = ['http', 'https', 'socks4', 'socks4a', 'socks5', 'socks5h'] as const
export type CurlWay = (typeof CURL_WAYS)[number]

export function through(way: CurlWay, door: ProxyAddress): string[] {
  const host = way === 'https' ? 'localhost' : door.host
  return ['--proxy', `${way}://${host}:${door.port}`, ...proxyUser(door)]
}

/** curl takes percent-encoding out of this option, unlike out of `--user`. */
export function proxyUser({ user }: ProxyAddress): string[] {
  return user ? ['--proxy-user', `${encodeURIComponent(user.name)}:${encodeURIComponent(user.password)}`] : []
}

/** What the origin says of a request: see `origins/serve.ts`. */
export interface OriginAnswer {
  readonly from: string
  readonly method?: string
  readonly url?: string
  readonly headers?: readonly string[]
  readonly length?: number
  readonly sha256?: string
}

export function originAnswer(done: Finished): OriginAnswer {
  if (done.code !== 0) throw new Error(`curl failed with ${done.code}: ${done.stderr}${done.stdout.slice(0, 1000)}`)
  try {
    return JSON.parse(done.stdout) as OriginAnswer
  } catch {
    throw new Error(`not the origin's answer: ${done.stdout.slice(0, 1000)}`)
  }
}
