import type { Hop } from '../../contracts/route.ts'
import { type Credentials, Secret } from '../../contracts/secret.ts'
import { nearestName } from '../../wire/nearest-name.ts'
import type { KeyPath } from '../key-path.ts'
import type { WrittenSettings } from '../schema.ts'
import { isUpstreamName } from '../values/upstream-reference.ts'
import type { ResolveContext } from './context.ts'
import { readSecret } from './read-reference.ts'

type Chain = WrittenSettings['upstreams'][string]
type Link = Chain[number]

export interface Upstreams {
  readonly named: ReadonlyMap<string, readonly Hop[]>
  /** A chain as hops, with the names in it replaced by what they stand for. */
  chain(chain: Chain, path: KeyPath): Promise<readonly Hop[]>
}

/** Hops in one chain. Every hop costs a round trip or more; longer chains are a mistake, such as names that double each other. */
const MAX_HOPS = 8

/** Follows the names under `upstreams`, which may stand in one another's chains but not in a circle. */
export async function resolveUpstreams(
  written: WrittenSettings['upstreams'],
  context: ResolveContext,
): Promise<Upstreams> {
  const named = new Map<string, readonly Hop[]>()

  const byName = async (name: string, path: KeyPath, on: readonly string[]): Promise<readonly Hop[]> => {
    const done = named.get(name)
    if (done) return done
    const chain = written[name]
    if (!chain || !Object.hasOwn(written, name)) {
      if (!context.isIncomplete('upstreams')) context.problem(path, unknownName(name, Object.keys(written)))
      return []
    }
    const from = on.indexOf(name)
    if (from >= 0) {
      context.problem(path, {
        message: `the chain goes round in a circle: ${[...on.slice(from), name].join(' → ')}`,
        expected: 'names that lead to proxies in the end',
      })
      return []
    }
    const hops = await follow(chain, ['upstreams', name], [...on, name])
    named.set(name, hops)
    return hops
  }

  const follow = async (chain: Chain, path: KeyPath, on: readonly string[]): Promise<readonly Hop[]> => {
    const hops: Hop[] = []
    for (const [index, link] of chain.entries()) {
      const at = [...path, index]
      const { url } = link
      if (url.kind === 'hop') {
        const credentials = await credentialsOf(link, url.hop, at, context)
        hops.push(credentials ? { ...url.hop, credentials } : url.hop)
        continue
      }
      if (link.username || link.password) {
        context.problem([...at, link.username ? 'username' : 'password'], {
          key: true,
          message: `credentials cannot be given to the name “${url.name}”`,
          expected: 'credentials next to the URL of the proxy they are for',
        })
      }
      hops.push(...(await byName(url.name, [...at, 'url'], on)))
    }
    if (hops.length <= MAX_HOPS) return hops
    context.problem(path, { message: `the chain has ${hops.length} hops`, expected: `at most ${MAX_HOPS}` })
    return []
  }

  for (const [name, chain] of Object.entries(written)) {
    const path = ['upstreams', name]
    if (!isUpstreamName(name)) {
      context.problem(path, {
        key: true,
        message: 'this is not a name for an upstream',
        expected: 'a letter, then letters, digits, hyphens and underscores',
      })
    } else if (chain.length === 0) {
      context.problem(path, { message: 'the chain is empty', expected: 'at least one proxy' })
    } else await byName(name, path, [])
  }
  return { named, chain: (chain, path) => follow(chain, path, []) }
}

function unknownName(name: string, known: readonly string[]) {
  const meant = nearestName(name, known)
  return {
    message: `there is no upstream “${name}”`,
    expected: known.length > 0 ? `a URL, or one of ${known.join(', ')}` : 'a URL, such as http://proxy.example:8080',
    ...(meant === undefined ? {} : { hint: `Did you mean ${meant}?` }),
  }
}

async function credentialsOf(
  link: Link,
  hop: Hop,
  path: KeyPath,
  context: ResolveContext,
): Promise<Credentials | undefined> {
  if (!link.username && !link.password) return undefined
  if (hop.credentials) {
    context.problem([...path, link.username ? 'username' : 'password'], {
      key: true,
      message: 'the credentials are given twice, here and in the URL',
      expected: 'a URL without user information',
    })
    return undefined
  }
  if (!link.username) {
    context.problem([...path, 'password'], {
      key: true,
      message: 'there is a password and no username',
      expected: 'both',
    })
    return undefined
  }
  const username = await readSecret(link.username, [...path, 'username'], context)
  const password = link.password ? await readSecret(link.password, [...path, 'password'], context) : new Secret('')
  if (!username || !password) return undefined
  checkCredentials(username.reveal(), password.reveal(), hop, path, context)
  return { username: username.reveal(), password }
}

/** Bytes: RFC 1929 §2 counts them in one byte; of Basic, proxies refuse longer header fields. */
const MAX_CREDENTIAL = { socks: 255, http: 1024 }

function checkCredentials(
  username: string,
  password: string,
  { kind }: Hop,
  path: KeyPath,
  context: ResolveContext,
): void {
  const isSocks = kind.startsWith('socks')
  const max = isSocks ? MAX_CREDENTIAL.socks : MAX_CREDENTIAL.http
  for (const [key, value] of Object.entries({ username, password })) {
    if (Buffer.byteLength(value) > max) {
      context.problem([...path, key], {
        message: `the ${key} is too long for ${kind}`,
        expected: `at most ${max} bytes`,
      })
    }
    if (/[\0-\x1f\x7f]/.test(value)) {
      context.problem([...path, key], { message: `the ${key} holds a control character`, expected: 'one line of text' })
    }
  }
  if (username === '') context.problem([...path, 'username'], { message: 'the username is empty', expected: 'a name' })
  if (!isSocks && username.includes(':')) {
    context.problem([...path, 'username'], {
      message: 'a username for HTTP cannot hold a colon (RFC 7617)',
      expected: 'a name without it',
    })
  }
  if (kind.startsWith('socks4') && password !== '') {
    context.problem([...path, 'password'], {
      message: 'SOCKS4 knows no password',
      expected: 'a username alone, or socks5://',
    })
  }
}
