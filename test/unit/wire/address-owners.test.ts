import t from 'tap'
import { AddressOwners, STRANGERS } from '../../../src/wire/address-owners.ts'

const owners = AddressOwners.from({
  known: [
    ['172.20.0.2', 'box'],
    ['fd00:20::2', 'box'],
  ],
  subnets: ['172.20.0.0/16', 'fd00:20::/64'],
  gateways: ['172.20.0.1', 'fd00:20::1'],
})

for (const [address, owner] of [
  ['172.20.0.2', 'box'],
  ['fd00:20::2', 'box'],
  ['172.20.0.3', STRANGERS],
  ['fd00:20::3', STRANGERS],
  ['172.20.0.1', '172.20.0.1'],
  ['fd00:20::1', 'fd00:20::1'],
  ['172.21.0.2', '172.21.0.2'],
  ['198.51.100.7', '198.51.100.7'],
  ['', ''],
] as const) {
  t.test(`${address || 'no address'} is ${owner || 'nobody'}’s`, (t) => {
    t.equal(owners.ownerOf(address), owner)
    t.end()
  })
}
