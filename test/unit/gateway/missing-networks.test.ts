import t from 'tap'
import type { ContainerView } from '../../../src/contracts/containers.ts'
import { tellMissingNetworks } from '../../../src/gateway/missing-networks.ts'
import type { Settings } from '../../../src/settings/settings.ts'

const capturing = (...networks: string[]) => ({ capture: { enabled: true, networks } }) as unknown as Settings
/** With methods that need their object, as the engine has them. */
class TestDirectory {
  readonly connected: boolean
  readonly #names: readonly string[]

  constructor(names: readonly string[], connected = true) {
    this.#names = names
    this.connected = connected
  }

  view() {
    return { networks: this.#names.map((name) => ({ name })), containers: [] } as unknown as ContainerView
  }
}
const engine = (...names: string[]) => new TestDirectory(names)

t.test('networks that the engine does not have: said once, until they are there', async (t) => {
  const said: string[] = []
  const tell = tellMissingNetworks((message) => void said.push(message))
  tell(capturing('engine', 'neta', 'netbb'), new TestDirectory([], false))
  t.same(said, [], 'nothing is known yet')
  tell(capturing('engine', 'neta', 'netbb'), engine('neta', 'netb'))
  tell(capturing('engine', 'neta', 'netbb'), engine('neta', 'netb'))
  t.match(said, [/no network netbb/])
  t.equal(said.length, 1)
  tell(capturing('netbb'), engine('netbb'))
  tell(capturing('netbb'), engine())
  t.equal(said.length, 2, 'it has gone again')
  tell({ capture: { ...capturing('other').capture, enabled: false } }, engine())
  t.equal(said.length, 2, 'nothing is to be captured')
})
