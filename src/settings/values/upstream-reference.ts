import type { Hop } from '../../contracts/route.ts'
import { parseUpstreamUrl, UpstreamUrlError } from '../../wire/upstream-url.ts'
import { kindOf, quote } from './found.ts'
import { ValueError } from './value-error.ts'

/** One link of a chain as written: a proxy, or the name of another chain. */
export type UpstreamReference =
  | { readonly kind: 'hop'; readonly hop: Hop }
  | { readonly kind: 'name'; readonly name: string }

export function parseUpstreamReference(value: unknown): UpstreamReference {
  if (typeof value !== 'string') throw new ValueError(`this is ${kindOf(value)}`, { expected })
  if (isUpstreamName(value)) return { kind: 'name', name: value }
  if (!value.includes('://')) {
    throw new ValueError(`${HOST_AND_PORT.test(value) ? quote(value) : 'this'} is neither a URL nor a name`, {
      expected,
      hint: value.includes(':')
        ? 'Put the scheme of the proxy before it, such as http:// or socks5://.'
        : 'See the key “upstreams”.',
    })
  }
  try {
    return { kind: 'hop', hop: parseUpstreamUrl(value) }
  } catch (error) {
    if (!(error instanceof UpstreamUrlError)) throw error
    throw new ValueError(error.message, { expected: error.expected, offset: error.offset })
  }
}

/** Names are told from URLs and from `host:port` by their characters. */
export function isUpstreamName(text: string): boolean {
  return /^[a-z_][\w-]{0,62}$/i.test(text)
}

/** Anything else with a colon may be a name and password. */
const HOST_AND_PORT = /^[\w.-]+(?::\d+)?$/

const expected = 'the URL of a proxy, such as http://proxy.example:8080, or a name under upstreams'
