import type { Secret } from '../../contracts/secret.ts'
import { formatListenAddress, type ListenAddress } from '../../wire/listen-address.ts'
import type { KeyPath } from '../key-path.ts'
import type { WrittenSettings } from '../schema.ts'
import type { DoorSettings, Settings, TlsDoorSettings } from '../settings.ts'
import { isLocalOnly } from '../values/listen-address.ts'
import type { ResolveContext } from './context.ts'
import { checkTwice } from './given-twice.ts'
import { readCertificate } from './pem.ts'
import { absolutePath, readSecret } from './read-reference.ts'

type WrittenDoor = WrittenSettings['listen']['mixed'][number]
type Users = Readonly<Record<string, Secret>>

/** The doors, with their credentials read and their safety judged. */
export async function resolveDoors(
  { listen: written, reverse, capture, dns }: WrittenSettings,
  context: ResolveContext,
): Promise<Pick<Settings, 'listen' | 'reverse'>> {
  const everyone = written.auth && (await resolveUsers(written.auth.users, ['listen', 'auth', 'users'], context))
  const taken = new Map<string, string>()

  const door = async (one: WrittenDoor, path: KeyPath, shared: Users | undefined): Promise<DoorSettings> => {
    const address = resolveAddress(one, path, context)
    checkTwice(address, path, taken, context)
    const users =
      one.auth === undefined
        ? shared
        : one.auth === 'none'
          ? undefined
          : await resolveUsers(one.auth.users, [...path, 'auth', 'users'], context)
    if (!isLocalOnly(address) && !users && one.from.length === 0) {
      context.problem([...path, 'address'], {
        message: `anybody who reaches ${formatListenAddress(address)} could use the gateway`,
        expected: 'a loopback address, credentials, or a restriction of where clients come from',
        hint: `Set ${String(path[0])}.auth.users, or write the door as { address: "${formatListenAddress(address)}", from: [10.0.0.0/8] } with the addresses of your clients.`,
      })
    }
    return { address, scope: one.scope, from: one.from, ...(users ? { users } : {}) }
  }

  const mixed: DoorSettings[] = []
  for (const [index, one] of written.mixed.entries()) mixed.push(await door(one, ['listen', 'mixed', index], everyone))
  const tls: TlsDoorSettings[] = []
  for (const [index, one] of written.tls.entries()) {
    const path = ['listen', 'tls', index]
    const certificate = await readCertificate(one, path, context)
    const plain = await door(one, path, everyone)
    if (certificate) tls.push({ ...plain, ...certificate })
  }
  const doors = [...written.mixed, ...written.tls, ...reverse.listen, ...dns.listen]
  if (doors.length === 0 && !capture.enabled) {
    const expected = 'an address under mixed or tls, or of reverse.listen or dns.listen, or capture.enabled: true'
    context.problem(['listen', 'mixed'], { message: 'there is no door', expected })
  }
  const insiders = reverse.auth && (await resolveUsers(reverse.auth.users, ['reverse', 'auth', 'users'], context))
  const toContainers: DoorSettings[] = []
  for (const [index, one] of reverse.listen.entries()) {
    const own = { ...one, scope: 'host' as const }
    toContainers.push(await door(own, ['reverse', 'listen', index], insiders))
  }
  return { listen: { mixed, tls }, reverse: { listen: toContainers } }
}

function resolveAddress({ address, mode, from }: WrittenDoor, path: KeyPath, context: ResolveContext): ListenAddress {
  if (address.kind === 'tcp') {
    if (mode !== undefined)
      context.problem([...path, 'mode'], {
        key: true,
        message: 'only a UNIX socket has a mode',
        expected: 'unix:/path',
      })
    return address
  }
  if (from.length > 0) {
    context.problem([...path, 'from'], {
      key: true,
      message: 'clients of a UNIX socket have no address',
      expected: 'mode, for who may connect',
    })
  }
  const socket = context.platform === 'win32' ? address.path : absolutePath(address.path, [...path, 'address'], context)
  return { kind: 'unix', path: socket, mode: mode ?? address.mode }
}

/** Bytes of a user name or password: RFC 1929 §2 counts them in one byte. */
const MAX_CREDENTIAL = 255

async function resolveUsers(
  written: NonNullable<WrittenSettings['listen']['auth']>['users'],
  path: KeyPath,
  context: ResolveContext,
): Promise<Users> {
  const users: Record<string, Secret> = {}
  const entries = Object.entries(written)
  if (entries.length === 0)
    context.problem(path, { message: 'there is no user', expected: 'at least one user and password' })
  for (const [name, reference] of entries) {
    const at = [...path, name]
    if (name === '' || Buffer.byteLength(name) > MAX_CREDENTIAL || /[:\0-\x1f\x7f]/.test(name)) {
      context.problem(at, {
        key: true,
        message: 'this is not a user name',
        expected: `1 to ${MAX_CREDENTIAL} bytes without colon and control characters`,
      })
      continue
    }
    const password = await readSecret(reference, at, context)
    if (!password) continue
    const text = password.reveal()
    if (text === '' || Buffer.byteLength(text) > MAX_CREDENTIAL || /[\0-\x1f\x7f]/.test(text)) {
      context.problem(at, {
        message: 'this password cannot be used',
        expected: `1 to ${MAX_CREDENTIAL} bytes without control characters (RFC 1929)`,
      })
      continue
    }
    users[name] = password
  }
  return users
}
