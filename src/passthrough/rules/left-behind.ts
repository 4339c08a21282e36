import { readFile } from 'node:fs/promises'
import { endianness } from 'node:os'
import { isLinkLocal, isLoopback, isUnspecified, parseAddress } from '../../wire/address.ts'
import { TABLE } from './capture-plan.ts'
import { portInUse } from './in-use.ts'
import { NO_RIGHTS, NO_TABLE } from './nft-table.ts'
import { type Family, listRules, readRules } from './routing.ts'
import { type CommandResult, type RunCommand, runCommand } from './run-command.ts'

/** Whose the rules of a capture are that stand here, and that this gateway has not made. */
export type LeftBehind =
  | { readonly whose: 'nothing' }
  /** Nobody's any more: their gateway was killed. `handle`: of the table, which no other ever has. */
  | { readonly whose: 'dead'; readonly handle: string }
  /** Of a gateway that runs, and captures. */
  | { readonly whose: 'alive' }
  /** Nobody listens where they lead, but connections or sockets stand as a gateway has them that ends, or whose capture was switched off. */
  | { readonly whose: 'ending' }
  /** There are some, and no more is told. */
  | { readonly whose: 'untold'; readonly why: string; readonly lacksRights: boolean }

export interface LookAround {
  readonly families: readonly Family[]
  /** This machine's own, canonical. */
  ownAddresses(): readonly string[]
  /** For tests; default: the real ones. */
  readonly run?: RunCommand
  /** Of /proc/net (proc(5)). */
  readonly readFile?: (path: string) => Promise<string>
}

/**
 * Policy rules everybody may list, and most machines have none of. Where there are none a table may stand all the same, for networkd takes away those that it
 * has not made; what keeps it from being listed is then not worth a word.
 */
export async function leftBehind(around: LookAround): Promise<LeftBehind> {
  const { run = runCommand, readFile = readText } = around
  const hasRules = await hasPolicyRules(around.families, run).catch(() => undefined)
  if (hasRules === undefined) return { whose: 'nothing' }
  const { code, stdout: table, stderr } = await run(['nft', '-a', 'list', 'table', 'inet', TABLE]).catch(notRun)
  if (code !== 0) return hasRules ? unlisted(stderr.trim()) : { whose: 'nothing' }
  try {
    const [tcp, udp] = await Promise.all([both('tcp', readFile), both('udp', readFile)])
    if (portInUse(table, tcp) !== undefined) return { whose: 'alive' }
    const isEnding = standsTransparent(tcp, new Set(around.ownAddresses())) || areDatagramsRead(table, udp)
    if (isEnding) return { whose: 'ending' }
    const [, handle] = /^table .*# handle (\d+)$/m.exec(table) ?? []
    return handle === undefined ? untold('nft tells no handle of the table') : { whose: 'dead', handle }
  } catch (thrown) {
    return untold(messageOf(thrown))
  }
}

const notRun = (thrown: unknown): CommandResult => ({ code: null, stdout: '', stderr: messageOf(thrown) })
const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))

/** `said`: by nft. */
function unlisted(said: string): LeftBehind {
  if (NO_TABLE.test(said)) return { whose: 'nothing' }
  return { ...untold(said || 'nft has not answered'), lacksRights: NO_RIGHTS.test(said) }
}

const untold = (why: string) => ({ whose: 'untold', why, lacksRights: false }) as const

/** Of ours. Undefined where they cannot be listed: then nobody has made any from here. */
async function hasPolicyRules(families: readonly Family[], run: RunCommand): Promise<boolean | undefined> {
  let isTold = true
  for (const family of families) {
    const { code, stdout } = await run(listRules(family))
    if (code === 0 && readRules(stdout).length > 0) return true
    isTold &&= code === 0
  }
  return isTold ? false : undefined
}

/** Rejects where they cannot be read: whose sockets are not seen is not dead. */
async function both(name: string, read: (path: string) => Promise<string>): Promise<string> {
  const withoutIpv6 = (thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return ''
    throw thrown
  }
  return (await Promise.all([read(`/proc/net/${name}`), read(`/proc/net/${name}6`).catch(withoutIpv6)])).join('\n')
}

const readText = (path: string): Promise<string> => readFile(path, 'utf8')

/** The sockets for datagrams stay open until the last flow has ended. By chance others may have one of their ports, and hardly all. */
function areDatagramsRead(table: string, sockets: string): boolean {
  const led = [...table.matchAll(/\budp .*tproxy ip6? to \S+:(\d+)/g)].map(([, port]) => Number(port))
  const open = new Set(rowsOf(sockets).map(({ port }) => port))
  return led.length > 0 && led.every((port) => open.has(port))
}

/** Whether some process has a connection under an address that is not this machine's: only transparent sockets do. */
function standsTransparent(sockets: string, own: ReadonlySet<string>): boolean {
  return rowsOf(sockets).some(({ address, isHeld }) => isHeld && address !== undefined && !isHere(address, own))
}

function isHere(address: string, own: ReadonlySet<string>): boolean {
  return own.has(address) || isLoopback(address) || isUnspecified(address) || isLinkLocal(address)
}

interface Row {
  readonly address: string | undefined
  readonly port: number
  /** By a process: a connection that the kernel merely sees to its end has no inode. */
  readonly isHeld: boolean
}

function rowsOf(sockets: string): Row[] {
  return sockets.split('\n').flatMap((line) => {
    const words = line.trim().split(/\s+/)
    const [, address, port] = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(words[1] ?? '') ?? []
    if (address === undefined) return []
    return { address: addressOf(address), port: Number.parseInt(port!, 16), isHeld: words[9] !== '0' }
  })
}

/** Words of 32 bits as the processor has them. */
function addressOf(hex: string): string | undefined {
  const bytes = Buffer.from(hex, 'hex')
  if (endianness() === 'LE') bytes.swap32()
  const text = bytes.length === 4 ? bytes.join('.') : bytes.toString('hex').match(/.{4}/g)!.join(':')
  return parseAddress(text)?.address
}
