import { BlockList } from 'node:net'
import { parseIpv4 } from '../../wire/ipv4.ts'
import { parseIpv6 } from '../../wire/ipv6.ts'
import type { NetworkMembers } from './capture-plan.ts'

/** The members of the sets in what `nft list table` prints, as it writes them: adjacent blocks as one, as a range where they are no block. */
export function membersIn(listed: string): NetworkMembers {
  const sets = new Map(
    [...listed.matchAll(/^\s*set (\S+) \{\n([\s\S]*?)^\t? ? ?\}/gm)].map(([, name, body]) => [
      name!,
      elementsIn(body!),
    ]),
  )
  const of = (name: string) => sets.get(name) ?? []
  return {
    interfaces: of('interfaces').map((name) => name.replaceAll('"', '')),
    sources: [...of('sources4'), ...of('sources6')],
    own: [...of('own4'), ...of('own6')],
  }
}

function elementsIn(body: string): string[] {
  const elements = /elements = \{([^}]*)\}/.exec(body)?.[1] ?? ''
  return elements.split(/[\s,]+/).filter((element) => element !== '')
}

/** Whether an address, canonical, is one of them, however they are written. */
export function inMembers(members: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const member of members) {
    const family = familyOf(member)
    const [from = '', to] = member.split('-')
    const [address = '', bits] = from.split('/')
    if (to !== undefined) list.addRange(address, to, family)
    else if (bits !== undefined) list.addSubnet(address, Number(bits), family)
    else list.addAddress(address, family)
  }
  return (address) => list.check(address, familyOf(address))
}

const familyOf = (text: string) => (text.includes(':') ? 'ipv6' : 'ipv4')

/** Whether both are the same names and addresses, however they are written. What cannot be read counts as the same: the kernel has taken it once. */
export function sameMembers(one: NetworkMembers, other: NetworkMembers): boolean {
  if ([...one.interfaces].sort().join() !== [...other.interfaces].sort().join()) return false
  return sameAddresses(one.sources, other.sources) && sameAddresses(one.own, other.own)
}

function sameAddresses(one: readonly string[], other: readonly string[]): boolean {
  const [ranges, others] = [rangesOf(one), rangesOf(other)]
  return ranges === undefined || others === undefined || ranges === others
}

/** As text, to be compared: sorted, and joined where they touch. Undefined: one of them cannot be read. */
function rangesOf(members: readonly string[]): string | undefined {
  const ranges: Range[] = []
  for (const member of members) {
    const range = rangeOf(member)
    if (!range) return undefined
    ranges.push(range)
  }
  ranges.sort((a, b) => a.family - b.family || (a.first < b.first ? -1 : 1))
  const joined: Range[] = []
  for (const range of ranges) {
    const before = joined.at(-1)
    if (before?.family === range.family && range.first <= before.last + 1n) {
      if (range.last > before.last) joined[joined.length - 1] = { ...before, last: range.last }
    } else joined.push(range)
  }
  return joined.map(({ family, first, last }) => `${family} ${first} ${last}`).join()
}

interface Range {
  readonly family: 4 | 6
  readonly first: bigint
  readonly last: bigint
}

/** An address, a block or two addresses with `-` between them. */
function rangeOf(member: string): Range | undefined {
  const family = member.includes(':') ? 6 : 4
  const [from = '', to] = member.split('-')
  const [address = '', bits] = from.split('/')
  const start = numberOf(address)
  if (start === undefined) return undefined
  if (to !== undefined) {
    const last = numberOf(to)
    return last === undefined ? undefined : { family, first: start, last }
  }
  const free = BigInt((family === 4 ? 32 : 128) - Number(bits ?? (family === 4 ? 32 : 128)))
  const first = (start >> free) << free
  return { family, first, last: first + (1n << free) - 1n }
}

function numberOf(address: string): bigint | undefined {
  if (!address.includes(':')) {
    const number = parseIpv4(address)
    return number === undefined ? undefined : BigInt(number)
  }
  return parseIpv6(address)?.reduce((number, group) => (number << 16n) | BigInt(group), 0n)
}
