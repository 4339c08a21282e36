import { test } from 'tap'
import { parseAddress } from '../../../src/wire/address.ts'
import { blockOfAddress, IpBlockTable, parseIpBlock } from '../../../src/wire/ip-block.ts'

/** Holds an address, as its bits say: the slow and obvious way. */
function holds(block: string, prefix: number, address: string): boolean {
  const bits = (text: string) => {
    const canonical = parseAddress(text)!
    const url = new URL(canonical.family === 4 ? `http://${text}` : `http://[${text}]`)
    if (canonical.family === 4)
      return url.hostname
        .split('.')
        .map((byte) => Number(byte).toString(2).padStart(8, '0'))
        .join('')
    const [head = '', tail] = url.hostname.slice(1, -1).split('::')
    const groups = (half: string) => (half === '' ? [] : half.split(':'))
    const known = [...groups(head), ...groups(tail ?? '')].length
    const all = [...groups(head), ...Array<string>(tail === undefined ? 0 : 8 - known).fill('0'), ...groups(tail ?? '')]
    return all.map((group) => Number.parseInt(group, 16).toString(2).padStart(16, '0')).join('')
  }
  return bits(block).length === bits(address).length && bits(block).slice(0, prefix) === bits(address).slice(0, prefix)
}

test('every prefix length, against the bits', async (t) => {
  const families = [
    ['10.85.170.1', '10.85.170.1', '10.85.171.1', '138.85.170.1', '10.85.128.0', '255.255.255.255', '0.0.0.0'],
    ['2001:db8:aaaa:5555::8001', '2001:db8:aaaa:5555::8000', '2001:db8:aaaa:5554::', 'a001::', '::', 'ffff::ffff'],
  ]
  for (const [block = '', ...addresses] of families) {
    const longest = block.includes(':') ? 128 : 32
    for (let prefix = 0; prefix <= longest; prefix++) {
      const table = new IpBlockTable<string>()
      table.add(parseIpBlock(block, `${prefix}`), 'it')
      for (const address of addresses) {
        const found = [...table.lookup(parseAddress(address)!)].flat().length > 0
        t.equal(found, holds(block, prefix, address), `${block}/${prefix} ${address}`)
      }
    }
  }
})

test('a table gives every block that holds the address', async (t) => {
  const table = new IpBlockTable<string>()
  for (const [address, bits] of [
    ['10.0.0.0', '8'],
    ['10.1.0.0', '16'],
    ['10.1.99.99', '16'],
    ['11.0.0.0', '8'],
    ['::', '0'],
  ] as const) {
    table.add(parseIpBlock(address, bits), `${address}/${bits}`)
  }
  table.add(blockOfAddress({ address: '10.1.2.3', family: 4 }), 'itself')
  const found = [...table.lookup({ address: '10.1.2.3', family: 4 })].flat()
  t.same(found.sort(), ['10.0.0.0/8', '10.1.0.0/16', '10.1.99.99/16', 'itself'])
  t.same([...table.lookup({ address: '::1', family: 6 })].flat(), ['::/0'])
})
