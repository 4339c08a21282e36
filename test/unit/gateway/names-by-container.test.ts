import t from 'tap'
import type { Container } from '../../../src/contracts/containers.ts'
import { namesByContainer } from '../../../src/gateway/names-by-container.ts'
import { createAnsweredNames } from '../../../src/passthrough/names/answered-names.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'

function rig() {
  const at = new Map<string, string>()
  const byAddress = (address: string) => {
    const id = at.get(address)
    return id === undefined ? undefined : ({ id } as Container)
  }
  return { at, names: namesByContainer(createAnsweredNames({ clock: manualClock() }), { byAddress }) }
}

t.test('asked over IPv4, connected to over IPv6', async (t) => {
  const { at, names } = rig()
  at.set('172.17.0.2', 'one').set('fd00::2', 'one')
  names.remember('172.17.0.2', 'web.test', ['2001:db8::1'], 60)
  t.same(names.namesOf('fd00::2', '2001:db8::1'), ['web.test'])
})

t.test('the next container with the same address has been told nothing', async (t) => {
  const { at, names } = rig()
  at.set('172.17.0.2', 'one')
  names.remember('172.17.0.2', 'web.test', ['192.0.2.1'], 60)
  at.set('172.17.0.2', 'two')
  t.same(names.namesOf('172.17.0.2', '192.0.2.1'), [])
})

t.test('who is no container, or not known as one yet, is its address', async (t) => {
  const { at, names } = rig()
  names.remember('172.17.0.3', 'early.test', ['192.0.2.1'], 60)
  t.same(names.namesOf('172.17.0.3', '192.0.2.1'), ['early.test'])
  at.set('172.17.0.3', 'three')
  t.same(names.namesOf('172.17.0.3', '192.0.2.1'), ['early.test'])
})
