import t from 'tap'
import { captureName } from '../../../src/gateway/capture-name.ts'

const state = { isOn: true, connections: 0, isMute: false, absent: [], missing: [] }
const hold = { queue: 1, by: 'nft' } as const

t.test('what status shows of the capture', async (t) => {
  const rules = { interfaces: ['br-app', 'docker0'], sources: ['10.9.0.0/24'], hold }
  t.equal(captureName(rules, state), 'capture br-app, docker0, 10.9.0.0/24')
  t.equal(
    captureName({ interfaces: rules.interfaces, sources: [] }, { ...state, absent: ['docker0'], isMute: true }),
    'capture br-app (not captured, no interface of this machine: docker0) (accepts first) (refused UDP is not told: no CAP_NET_RAW)',
  )
  t.equal(
    captureName({ interfaces: ['docker0'], sources: [], hold }, { ...state, absent: ['docker0'] }),
    'capture no network yet (not captured, no interface of this machine: docker0)',
  )
  t.equal(
    captureName({ interfaces: ['docker0'], sources: [], hold }, { ...state, missing: ['nosuch', 'other'] }),
    'capture docker0 (the engine has no network nosuch, other)',
  )
  t.equal(captureName(rules, { ...state, isOn: false, connections: 2 }), 'capture (off; 2 connections still stand)')
})
