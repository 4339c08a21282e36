import { isDottedIpv4, parseIpv4 } from './ipv4.ts'

/** The eight 16-bit groups of an IPv6 address. */
export type Ipv6Groups = readonly number[]

const GROUPS = 8

/** Reads RFC 4291 §2.2 text, without brackets. A zone (`%eth0`) is refused: it means something on one machine only. */
export function parseIpv6(text: string): Ipv6Groups | undefined {
  const halves = text.split('::', 3)
  if (halves.length > 2) return undefined
  const head = parseGroups(halves[0]!, halves.length === 1)
  if (halves.length === 1) return head?.length === GROUPS ? head : undefined
  const tail = parseGroups(halves[1]!, true)
  if (!head || !tail || head.length + tail.length >= GROUPS) return undefined
  return [...head, ...new Array<number>(GROUPS - head.length - tail.length).fill(0), ...tail]
}

function parseGroups(text: string, isEnd: boolean): number[] | undefined {
  if (text === '') return []
  const groups: number[] = []
  const parts = text.split(':', GROUPS + 1)
  for (const [place, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16))
    else if (isEnd && place === parts.length - 1 && isDottedIpv4(part)) {
      const address = parseIpv4(part)!
      groups.push(address >>> 16, address & 0xffff)
    } else return undefined
  }
  return groups.length > GROUPS ? undefined : groups
}

/** RFC 5952: lower case, no leading zeros, the longest run of at least two zero groups (the first of equals) as `::`. */
export function formatIpv6(groups: Ipv6Groups): string {
  let start = -1
  let length = 1
  for (let from = 0; from < GROUPS; from++) {
    let to = from
    while (to < GROUPS && groups[to] === 0) to++
    if (to - from > length) {
      start = from
      length = to - from
    }
    if (to > from) from = to
  }
  const text = (part: Ipv6Groups) => part.map((group) => group.toString(16)).join(':')
  return start < 0 ? text(groups) : `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`
}
