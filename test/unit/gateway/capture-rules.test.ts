import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { CaptureRules } from '../../../src/gateway/capture-rules.ts'
import type { CapturePlan, NetworkMembers } from '../../../src/passthrough/rules/capture-plan.ts'

const plan = (hold: CapturePlan['hold'], mark = 1): CapturePlan => ({
  mark,
  routeTable: 7766,
  interfaces: ['docker0'],
  sources: [],
  own: [],
  tcp: { ports: [{ from: 1, to: 65_535 }], to: { 4: 40_004 } },
  otherPorts: 'refuse',
  udp: { kind: 'take', to: { 4: 40_005 }, refused: [] },
  special: [{ proto: 'udp', port: 53, to: { 4: 40_006 } }],
  hosts: [],
  ...(hold ? { hold } : {}),
})

/** In nft's own words, of a kernel without CONFIG_NFT_QUEUE. */
const NO_QUEUE =
  '/dev/stdin:57:5-9: Error: Could not process rule: No such file or directory\n    queue num 7766\n    ^^^^^'

const NOTHING: NetworkMembers = { interfaces: [], sources: [], own: [] }
const networks = (...interfaces: string[]): NetworkMembers => ({ ...NOTHING, interfaces })

/** A kernel that has these ways to hold packets. */
function kernel(has: { nft: boolean; apart: boolean }) {
  const did: string[] = []
  const warnings: string[] = []
  const state = { fails: '', stands: true, anothers: false, remembers: false, updates: true }
  let members: NetworkMembers = NOTHING
  const rules = new CaptureRules({
    installer: {
      async install({ hold, mark, interfaces, sources, own }, stand) {
        did.push(`install ${mark} ${hold?.by ?? 'without'}`)
        if (state.fails) throw new GatewayError('INTERNAL', `nft: ${state.fails}`, { said: state.fails })
        if (hold?.by === 'nft' && !has.nft) throw new GatewayError('INTERNAL', 'nft', { said: NO_QUEUE })
        members = { interfaces, sources, own }
        stand()
      },
      async update(networks) {
        did.push(`update ${networks.interfaces}`)
        if (!state.updates) throw new GatewayError('INTERNAL', 'nft: exit code null')
        members = networks
      },
      members: async () => members,
      stands: async (plan) => state.stands && isDeepStrictEqual({ ...plan, ...members }, plan),
      isAnothers: async () => state.anothers,
      async remove() {
        did.push('remove')
      },
    },
    addHoldRule(queue) {
      did.push(`rule ${queue}`)
      if (!has.apart) throw new GatewayError('INTERNAL', 'the kernel has no rule that queues packets')
    },
    async forgetTranslations() {
      if (state.remembers) throw new GatewayError('INTERNAL', 'the kernel does not forget')
    },
    warn: (message) => warnings.push(message),
  })
  return { rules, did, warnings, state }
}
const held = (required = false, mark = 1) => ({
  plan: (hold: CapturePlan['hold']) => plan(hold, mark),
  hold: { queue: 7766, required },
})

t.test('nft’s own statement, where the kernel has it', async (t) => {
  const { rules, did, warnings } = kernel({ nft: true, apart: true })
  await rules.install(held())
  t.same(did, ['install 1 nft'])
  t.same(rules.installed?.hold, { queue: 7766, by: 'nft' })
  t.same(warnings, [])
})

t.test('the older target, where it has not; it is not asked again', async (t) => {
  const { rules, did, warnings } = kernel({ nft: false, apart: true })
  await rules.install(held())
  t.same(did.splice(0), ['install 1 nft', 'install 1 apart', 'rule 7766'])
  t.same(rules.installed?.hold, { queue: 7766, by: 'apart' })
  t.same(warnings, [], 'both hold alike: nothing to say')
  await rules.install(held(false, 2))
  t.same(did, ['install 2 apart', 'rule 7766'])
})

t.test('neither: without holding, and that is said', async (t) => {
  const { rules, did, warnings } = kernel({ nft: false, apart: false })
  await rules.install(held())
  t.same(did, ['install 1 nft', 'install 1 apart', 'rule 7766', 'install 1 without'])
  t.equal(rules.installed?.hold, undefined)
  t.match(warnings, [/the kernel has no rule that queues packets; captured connections are accepted before/])
})

t.test('neither, and it is required: refused, and nothing is left', async (t) => {
  const { rules, did } = kernel({ nft: false, apart: false })
  await t.rejects(rules.install(held(true)), { message: 'the kernel has no rule that queues packets' })
  t.equal(did.at(-1), 'remove')
  t.equal(rules.installed, undefined)
})

t.test('what the kernel refuses for another reason is no question of the form', async (t) => {
  const { rules, did, state } = kernel({ nft: true, apart: true })
  state.fails = 'Operation not permitted'
  await t.rejects(rules.install(held()), { message: 'nft: Operation not permitted' })
  t.same(did, ['install 1 nft', 'remove'])
})

t.test('refused: what stood before stands, held as before', async (t) => {
  const { rules, did, state } = kernel({ nft: false, apart: true })
  await rules.install(held())
  did.length = 0
  state.fails = 'no'
  await t.rejects(rules.install(held(false, 3)), { message: 'nft: no' })
  t.equal(rules.installed?.mark, 1)
  t.same(did, ['install 3 apart', 'install 1 apart'], 'put in place once more')
  state.fails = ''
  did.length = 0
  await rules.restore(rules.installed)
  t.same(did, ['install 1 apart', 'rule 7766'])
})

t.test('switched off: only what brings packets of standing connections', async (t) => {
  const { rules } = kernel({ nft: true, apart: true })
  await rules.install(held())
  await rules.keepStanding()
  t.match(rules.installed, {
    tcp: { ports: [], to: { 4: 40_004 } },
    udp: { kind: 'bypass' },
    special: [],
    hosts: [],
    otherPorts: 'bypass',
  })
  t.equal(rules.installed?.hold, undefined)
})

t.test('flushed by somebody: put back', async (t) => {
  const { rules, did, state } = kernel({ nft: false, apart: true })
  t.equal(await rules.repair(networks('docker0')), false, 'nothing is to stand')
  await rules.install(held())
  t.equal(await rules.repair(networks('docker0')), false)
  state.stands = false
  did.length = 0
  t.equal(await rules.repair(networks('docker0')), true)
  t.same(did, ['install 1 apart', 'rule 7766'])
})

t.test('networks that the kernel did not take when they came are tried again', async (t) => {
  const { rules, did, state } = kernel({ nft: true, apart: true })
  await rules.install(held())
  state.updates = false
  await t.rejects(rules.update(networks('docker0', 'br-1')), { message: 'nft: exit code null' })
  t.same(rules.installed?.interfaces, ['docker0'])
  did.length = 0
  state.updates = true
  t.equal(await rules.repair(networks('docker0', 'br-1')), false, 'nobody else has changed anything')
  t.same(did, ['update docker0,br-1'])
  t.same(rules.installed?.interfaces, ['docker0', 'br-1'])
  did.length = 0
  await rules.update(networks('docker0', 'br-1'))
  t.equal(await rules.repair(networks('docker0', 'br-1')), false)
  t.same(did, [], 'they are there')
  state.updates = false
  t.equal(await rules.repair(networks('docker0', 'br-2')), true)
  t.same(did, ['update docker0,br-2', 'install 1 nft'], 'or put in place as a whole')
  t.same(rules.installed?.interfaces, ['docker0', 'br-2'])
})

t.test('a reload that changes nothing of them leaves them: what the kernel holds is held on', async (t) => {
  const { rules, did, state } = kernel({ nft: false, apart: true })
  await rules.install(held())
  did.length = 0
  await rules.install(held())
  t.same(did, [])
  await rules.install(held(false, 2))
  t.same(did, ['install 2 apart', 'rule 7766'])
  state.stands = false
  did.length = 0
  await rules.install(held(false, 2))
  t.same(did, ['install 2 apart', 'rule 7766'], 'somebody has removed them')
})

t.test('rules of a gateway that has started meanwhile are neither replaced nor taken away', async (t) => {
  const { rules, did, state } = kernel({ nft: true, apart: true })
  await rules.install(held())
  did.length = 0
  t.equal(await rules.areAnothers(), false)
  Object.assign(state, { stands: false, anothers: true })
  t.equal(await rules.areAnothers(), true)
  t.equal(await rules.repair(networks('docker0', 'br-1')), false)
  await rules.update(networks('docker0', 'br-1'))
  await rules.remove()
  t.same(did, [])
  t.equal(rules.installed, undefined)
})

t.test('an install that fails leaves what a gateway that was killed has left: it refuses', async (t) => {
  const { rules, did, state } = kernel({ nft: true, apart: true })
  Object.assign(state, { fails: 'no', anothers: true })
  await t.rejects(rules.install(held()), { message: 'nft: no' })
  t.same(did, ['install 1 nft'])
})

t.test('a kernel that does not forget earlier translations: said, and the rules stand', async (t) => {
  const { rules, warnings, state } = kernel({ nft: true, apart: true })
  state.remembers = true
  await rules.install(held())
  t.match(rules.installed, { mark: 1 })
  t.match(warnings, [/^the kernel does not forget; conversations that containers began before are dropped/])
  await rules.update({ interfaces: ['docker0', 'br-1'], sources: [], own: [] })
  t.equal(warnings.length, 2, 'and for networks that come later')
})
