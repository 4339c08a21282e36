import { tmpdir } from 'node:os'
import { posix } from 'node:path'
import type { ListenAddress } from '../wire/listen-address.ts'

export interface StatusSocketOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly platform: NodeJS.Platform
  /** The user's number; absent on Windows. */
  readonly uid?: number | undefined
}

/** Where `status.listen: auto` is: a place of the user's own, the same for the gateway and for `fairlead status`. */
export function statusSocket({ env, platform, uid = 0 }: StatusSocketOptions): ListenAddress {
  const mode = 0o600
  if (platform === 'win32') return { kind: 'unix', path: '\\\\.\\pipe\\fairlead-status', mode }
  const runtime = env['XDG_RUNTIME_DIR']
  const folder = runtime?.startsWith('/')
    ? posix.join(runtime, 'fairlead')
    : uid === 0 && platform === 'linux'
      ? '/run/fairlead'
      : posix.join(tmpdir(), `fairlead-${uid}`)
  return { kind: 'unix', path: posix.join(folder, 'status.sock'), mode }
}
