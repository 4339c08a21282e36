import type { Hop } from '../contracts/route.ts'
import type { ExcludeList } from '../wire/exclude-list.ts'
import { formatListenAddress, type ListenAddress } from '../wire/listen-address.ts'
import { describeHop } from '../wire/upstream-url.ts'
import type { About } from './about.ts'
import type { WrittenSettings } from './schema.ts'
import { formatByteSize } from './values/byte-size.ts'
import { formatDuration } from './values/duration.ts'
import type { PacLocation } from './values/pac-location.ts'
import { formatPortRanges, type PortRange } from './values/port-ranges.ts'
import type { UpstreamReference } from './values/upstream-reference.ts'

/**
 * A value of the schema for people. It names what may be shown of each kind of value; a kind it does not know is not shown at all, so that
 * a new key cannot print a secret by oversight.
 */
export function showValue(value: unknown, about: About | undefined): string {
  if (value === undefined) return (about?.absent ?? 'not set').replaceAll('`', '')
  if (about?.form.startsWith('duration')) return value === 0 ? 'off' : formatDuration(value as number)
  if (about?.form === 'size') return formatByteSize(value as number)
  if (typeof value === 'boolean' || typeof value === 'number') return String(value)
  if (typeof value === 'string')
    return about?.form === 'the script itself' ? `a script of ${value.length} characters` : value
  if (isList(value)) return showList(value)
  return showObject(value as object)
}

/** Members of a list that are shown. */
const MAX_SHOWN = 8

function showList(list: readonly unknown[]): string {
  if (list.length === 0) return 'none'
  const [first] = list
  if (isRecord(first) && 'from' in first && 'to' in first) return formatPortRanges(list as readonly PortRange[])
  if (isRecord(first) && 'url' in first)
    return (list as readonly { url: UpstreamReference }[]).map(showLink).join(' → ')
  return shorten(list.map((item) => (typeof item === 'string' ? item : showObject(item as object))))
}

function showObject(value: object): string {
  if ('rules' in value) return shorten((value as ExcludeList).rules.map(({ entry }) => entry))
  if ('match' in value) return showRule(value as WrittenSettings['containerRules'][number])
  if ('address' in value && 'port' in value) return showServer(value as { address: string; port: number })
  if ('address' in value) return showDoor(value as Door)
  if ('kind' in value) {
    const { kind } = value as { kind: string }
    if (kind === 'tcp' || kind === 'unix') return formatListenAddress(value as ListenAddress)
    if (kind === 'file') return (value as Extract<PacLocation, { kind: 'file' }>).path
    if (kind === 'url') return withoutQuery((value as Extract<PacLocation, { kind: 'url' }>).url)
  }
  if ('users' in value) return `users ${shorten(Object.keys((value as { users: object }).users))}`
  const names = Object.entries(value)
  if (names.every(([, chain]) => isList(chain))) {
    return names.length === 0 ? 'none' : names.map(([name, chain]) => `${name}: ${showList(chain)}`).join('; ')
  }
  return '(not shown)'
}

interface Door {
  readonly address: ListenAddress
  readonly scope?: string
  readonly from: readonly string[]
}

function showServer({ address, port }: { readonly address: string; readonly port: number }): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

function showDoor({ address, scope = 'host', from }: Door): string {
  const notes = [...(scope === 'host' ? [] : [scope]), ...(from.length > 0 ? [`from ${shorten(from)}`] : [])]
  return formatListenAddress(address) + (notes.length > 0 ? ` (${notes.join(', ')})` : '')
}

function showRule({ match, use }: WrittenSettings['containerRules'][number]): string {
  const given = Object.entries(match).filter(([, value]) => value !== undefined)
  // Of labels it must have all.
  const texts = (key: string, value: unknown) =>
    isList(value) ? value.join(key === 'label' ? ` and ${key} ` : '|') : String(value)
  const whom = given.map(([key, value]) => `${key} ${texts(key, value)}`).join(' and ')
  return `${whom} → ${isList(use) ? showList(use) : use}`
}

function showLink({ url }: { readonly url: UpstreamReference }): string {
  return url.kind === 'name' ? url.name : describeHop(url.hop satisfies Hop)
}

function shorten(texts: readonly string[]): string {
  if (texts.length === 0) return 'none'
  const more = texts.length - MAX_SHOWN
  return more > 0 ? `${texts.slice(0, MAX_SHOWN).join(', ')} and ${more} more` : texts.join(', ')
}

/** A query may hold a token. */
function withoutQuery(url: string): string {
  return url.replace(/\?.*/s, '?…')
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
