import { execFileSync } from 'node:child_process'
import t from 'tap'
import type { NetworkMembers } from '../../../src/passthrough/rules/capture-plan.ts'
import { nftMembers, nftScript } from '../../../src/passthrough/rules/nft-script.ts'
import { inMembers, membersIn, sameMembers } from '../../../src/passthrough/rules/set-members.ts'
import { BARE_PLAN } from '../../fixtures/bare-capture-plan.ts'
import { mayUseNft } from '../../fixtures/may-use-nft.ts'

const NOTHING: NetworkMembers = { interfaces: [], sources: [], own: [] }

const SETS: readonly { readonly title: string; readonly members: Partial<NetworkMembers> }[] = [
  { title: 'nothing', members: {} },
  { title: 'bridges', members: { interfaces: ['docker0', 'br-0123456789ab', 'lab.5', 'a@b'] } },
  {
    title: 'more bridges than one line holds',
    members: { interfaces: Array.from({ length: 60 }, (_, n) => `br-${n}`) },
  },
  {
    title: 'blocks: neighbours, one within the other, one that does not begin at its beginning, single addresses',
    members: {
      own: ['172.17.0.0/16', '172.18.0.0/16', '172.19.0.0/16', 'fd00:17::/64'],
      sources: ['10.0.0.0/8', '10.1.0.0/16', '192.168.7.9/24', '198.51.100.7', '203.0.113.4/32', 'fd00::1/8', '::1'],
    },
  },
  { title: 'everything', members: { sources: ['0.0.0.0/0', '::/0'] } },
]

t.test('as it was written', async (t) => {
  for (const { title, members } of SETS) {
    const wanted = { ...NOTHING, ...members }
    t.ok(sameMembers(membersIn(nftScript({ ...BARE_PLAN, ...wanted })), wanted), title)
  }
  t.same(membersIn(''), NOTHING)
})

t.test('the same, and not', async (t) => {
  const rows: readonly (readonly [boolean, Partial<NetworkMembers>, Partial<NetworkMembers>])[] = [
    [true, { interfaces: ['a', 'b'] }, { interfaces: ['b', 'a'] }],
    [false, { interfaces: ['a', 'b'] }, { interfaces: ['a'] }],
    [true, { own: ['172.17.0.0/16', '172.16.0.0/16'] }, { own: ['172.16.0.0/15'] }],
    [true, { own: ['172.17.0.0/16', '172.18.0.0/16'] }, { own: ['172.17.0.0-172.18.255.255'] }],
    [true, { own: ['10.0.0.0/31'] }, { own: ['10.0.0.1', '10.0.0.0'] }],
    [false, { own: ['10.0.0.0/31'] }, { own: ['10.0.0.1'] }],
    [false, { own: ['0.0.0.0/0'] }, { own: ['::/0'] }],
    [false, { own: ['10.0.0.0/8'] }, { sources: ['10.0.0.0/8'] }],
    [true, { own: ['fd00::/64', 'fd00:0:0:1::/64'] }, { own: ['fd00::/63'] }],
    [true, { own: ['a word'] }, { own: [] }],
  ]
  for (const [same, one, other] of rows) {
    t.equal(sameMembers({ ...NOTHING, ...one }, { ...NOTHING, ...other }), same, JSON.stringify([one, other]))
  }
})

t.test('whether an address is one of them', async (t) => {
  const is = inMembers([
    '172.17.0.0-172.18.255.255',
    '10.1.2.3/8',
    '192.0.2.7',
    'fd00::-fd00:0:0:2:ffff:ffff:ffff:ffff',
    'fd01::/16',
    '::1',
  ])
  const inside = '172.17.0.0 172.18.255.255 10.255.0.1 192.0.2.7 fd00::1 fd00:0:0:2::5 fd01:2::3 ::1'
  const outside = '172.16.255.255 172.19.0.0 11.0.0.1 192.0.2.8 fd00:0:0:3:: fd02:: ::2'
  for (const address of inside.split(' ')) t.ok(is(address), address)
  for (const address of outside.split(' ')) t.notOk(is(address), address)
})

t.test('as the kernel tells it', async (t) => {
  if (!mayUseNft(t)) return
  const listed = (script: string) =>
    execFileSync('unshare', ['-n', 'sh', '-c', 'nft -f - && nft list table inet fairlead'], {
      encoding: 'utf8',
      input: script,
    })
  for (const { title, members } of SETS) {
    const wanted = { ...NOTHING, ...members }
    const put = membersIn(listed(nftScript({ ...BARE_PLAN, ...wanted })))
    t.ok(sameMembers(put, wanted), title)
    t.equal(put.interfaces.length, wanted.interfaces.length)
    const is = inMembers([...put.sources, ...put.own])
    for (const member of [...wanted.sources, ...wanted.own]) t.ok(is(member.split('/')[0]!), `${title}: ${member}`)
    const again = membersIn(listed(`${nftScript(BARE_PLAN)}${nftMembers(put)}`))
    t.ok(sameMembers(again, wanted), `${title}: what was read is written once more`)
    const emptied = membersIn(listed(`${nftScript({ ...BARE_PLAN, ...wanted })}${nftMembers(NOTHING)}`))
    t.same(emptied, NOTHING, `${title}: emptied`)
  }
})
