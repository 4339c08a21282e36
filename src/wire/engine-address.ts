import { formatListenAddress } from './listen-address.ts'
import { parseAuthority } from './target.ts'
import { TextError } from './text-error.ts'

/** Where a Docker engine's API is reached; the `path` of a Windows named pipe begins with `\\.\pipe\`. */
export type EngineAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }

const EXPECTED = 'unix:///path/to/socket, npipe:////./pipe/NAME or tcp://host:port'
/** The engine's port without TLS. */
const TCP_PORT = 2375

/** Reads what `DOCKER_HOST` and `docker --host` take. Throws a `TextError`, which does not repeat the text. */
export function parseEngineAddress(text: string): EngineAddress {
  const [, scheme, rest] = /^([a-z]+):\/\/(.*)$/.exec(text) ?? []
  switch (scheme) {
    case 'unix':
      if (!rest!.startsWith('/') || rest!.includes('\0')) throw new TextError('a socket needs a full path', 7, EXPECTED)
      return { kind: 'unix', path: rest! }
    case 'npipe': {
      const name = /^\/\/\.\/pipe\/([^/\0]+)$/.exec(rest!)?.[1]
      if (name === undefined) throw new TextError('this is not the name of a pipe', 8, EXPECTED)
      return { kind: 'unix', path: `\\\\.\\pipe\\${name}` }
    }
    case 'tcp': {
      const { host, port } = parseTcp(rest!)
      return { kind: 'tcp', host, port }
    }
    case 'ssh':
      throw new TextError('an engine cannot be followed over ssh', 0, EXPECTED)
    default:
      throw new TextError('this is not the address of an engine', 0, EXPECTED)
  }
}

/** `unix:///var/run/docker.sock`, `tcp://127.0.0.1:2375`. */
export function formatEngineAddress(address: EngineAddress): string {
  if (address.kind === 'tcp') return `tcp://${formatListenAddress(address)}`
  return address.path.startsWith('\\') ? `npipe://${address.path.replaceAll('\\', '/')}` : `unix://${address.path}`
}

function parseTcp(authority: string) {
  try {
    return parseAuthority(authority, { defaultPort: TCP_PORT })
  } catch {
    throw new TextError('this is not a host and port', 6, EXPECTED)
  }
}
