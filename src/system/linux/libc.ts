import { createRequire } from 'node:module'
import { constants } from 'node:os'
import type Koffi from 'koffi'
import { GatewayError } from '../../contracts/gateway-error.ts'

type Library = ReturnType<typeof Koffi.load>
type NativeFunction = ReturnType<Library['func']>

/**
 * The C library that is in the process already, glibc or musl. Each function of the files beside this one returns what the kernel returned; after
 * -1, `errno()` says why. Numbers and layouts are the same on every 64-bit Linux that Node runs on, but for the one marked in `epoll.ts`.
 *
 * On other systems, on Linux of 32 bits, and where koffi is not installed or has nothing for the processor, each of them throws when it is called: what
 * runs everywhere may name them, and asks `hasLibc` first.
 */
const native = load()

export const hasLibc = typeof native === 'object'

export const libc = {
  func: (declaration: string): NativeFunction =>
    typeof native === 'object' ? native.libc.func(declaration) : (missing as unknown as NativeFunction),
}

export const errno: () => number = typeof native === 'object' ? native.koffi.errno : missing

/** For memory that C sees too. */
export function nativeMemory(): typeof Koffi {
  return typeof native === 'object' ? native.koffi : missing()
}

/** What there is, or why there is nothing. */
function load(): { readonly koffi: typeof Koffi; readonly libc: Library } | string {
  if (process.platform !== 'linux') return 'this is not Linux'
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi
    if (koffi.sizeof('void *') !== 8) return 'this is not a system of 64 bits'
    return { koffi, libc: koffi.load(null) }
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message.split('\n', 1)[0]! : String(thrown)
  }
}

function missing(): never {
  throw new GatewayError('INTERNAL', `system calls cannot be made: ${native}`, {
    hint: 'They are made by the npm package koffi, on Linux of 64 bits alone: install Fairlead with its dependencies.',
  })
}

type Code =
  | 'EACCES'
  | 'EADDRINUSE'
  | 'EAGAIN'
  | 'ECONNABORTED'
  | 'ECONNRESET'
  | 'EINPROGRESS'
  | 'EINTR'
  | 'EMFILE'
  | 'ENFILE'
  | 'ENOBUFS'
  | 'ENOMEM'
  | 'EPERM'
  | 'EPIPE'

export const {
  EACCES,
  EADDRINUSE,
  EAGAIN,
  ECONNABORTED,
  ECONNRESET,
  EINPROGRESS,
  EINTR,
  EMFILE,
  ENFILE,
  ENOBUFS,
  ENOMEM,
  EPERM,
  EPIPE,
}: Readonly<Record<Code, number>> = constants.errno
