import { execFileSync } from 'node:child_process'
import t from 'tap'
import type { CapturePlan } from '../../../src/passthrough/rules/capture-plan.ts'
import { rulesStand } from '../../../src/passthrough/rules/listed.ts'
import { nftScript } from '../../../src/passthrough/rules/nft-script.ts'
import { mayUseNft } from '../../fixtures/may-use-nft.ts'

const PLAN: CapturePlan = {
  mark: 0xf12000,
  routeTable: 7766,
  interfaces: ['docker0'],
  sources: ['10.0.0.0/8', 'fd00::/8'],
  own: ['172.17.0.0/16', 'fd00:17::/64'],
  tcp: {
    ports: [
      { from: 80, to: 80 },
      { from: 443, to: 443 },
    ],
    to: { 4: 40_004, 6: 40_006 },
  },
  otherPorts: 'refuse',
  udp: { kind: 'take', to: { 4: 41_004, 6: 41_006 }, refused: [{ from: 443, to: 443 }] },
  special: [{ proto: 'udp', port: 53, to: { 4: 42_004, 6: 42_006 } }],
  hosts: [],
}

t.test('as it was written', async (t) => {
  for (const hold of [undefined, { queue: 7766, by: 'nft' }] as const) {
    const plan = { ...PLAN, ...(hold && { hold }) }
    const script = nftScript(plan)
    t.equal(rulesStand(script, plan), true)
    t.equal(rulesStand(script.replace(/^ *tcp dport .*\n/m, ''), plan), false, 'one rule less')
    t.equal(rulesStand(script.replace(/chain deliver \{\n/, '$&    accept\n'), plan), false, 'one more')
    t.equal(rulesStand('', plan), false)
  }
  const apart = { ...PLAN, hold: { queue: 7766, by: 'apart' } } as const
  t.equal(rulesStand(nftScript(apart), apart), false, 'the rule that is added afterwards has gone')
  const printed: readonly [line: string, title: string][] = [
    ['\t\tcounter packets 0 bytes 0 # xt NFQUEUE', 'as nft prints it beside iptables 1.8.9'],
    ['\t\txt target "NFQUEUE"', 'as later ones do'],
    ['\t\t', 'as it does without iptables'],
  ]
  for (const [line, title] of printed) {
    t.equal(rulesStand(nftScript(apart).replace(/chain hold \{\n/, `$&${line}\n`), apart), true, title)
  }
})

t.test('as the kernel tells it', async (t) => {
  if (!mayUseNft(t)) return
  const script = nftScript(PLAN)
  const listed = (then: string) =>
    execFileSync('unshare', ['-n', 'sh', '-c', `nft -f - && ${then} && nft list table inet fairlead`], {
      encoding: 'utf8',
      input: script,
    })
  t.equal(rulesStand(listed('true'), PLAN), true)
  t.equal(rulesStand(listed('nft flush table inet fairlead'), PLAN), false, 'flushed: the chains are left')
  t.equal(rulesStand(listed('nft flush chain inet fairlead client'), PLAN), false, 'one chain flushed')
})
