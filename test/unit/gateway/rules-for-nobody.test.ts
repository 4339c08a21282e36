import t from 'tap'
import type { Container } from '../../../src/contracts/containers.ts'
import { tellRulesForNobody } from '../../../src/gateway/rules-for-nobody.ts'
import type { Settings } from '../../../src/settings/settings.ts'

const box = (name: string, address?: string, networkOf?: string): Container => ({
  ...{ id: `id-${name}`, name, image: 'box', labels: {} },
  ...(networkOf === undefined ? {} : { networkOf: `id-${networkOf}` }),
  endpoints: address === undefined ? [] : [{ network: 'n', networkId: 'n', addresses: [address], aliases: [] }],
})
const rules = (...names: string[]) =>
  ({ containerRules: names.map((name) => ({ match: { container: [name] }, use: { kind: 'reject' } })) }) as Pick<
    Settings,
    'containerRules'
  >
const engine = (containers: readonly Container[], connected = true) => ({
  connected,
  view: () => ({ networks: [], containers }),
})

t.test('rules that hold for nobody: said once, until they hold for somebody', async (t) => {
  const said: string[] = []
  const tell = tellRulesForNobody((message) => void said.push(message))
  const containers = [box('app', '10.0.0.2'), box('side', undefined, 'app'), box('hosty')]
  tell(rules('app', 'none', 's*', 'hosty', '*'), engine(containers, false))
  t.same(said, [], 'nothing is known')
  tell(rules('app', 'none', 's*', 'hosty', '*'), engine(containers))
  tell(rules('app', 'none', 's*', 'hosty', '*'), engine(containers))
  t.strictSame(said, [
    'containerRules[2] (container s*) holds for nobody: side, which it names, has the network of app, and goes by the rules for that one',
    'containerRules[3] (container hosty) holds for nobody: hosty, which it names, has no address of its own, and is not captured',
  ])
  const joined = rules('side')
  tell(joined, engine([...containers.slice(0, 1), box('side', '10.0.0.3')]))
  t.equal(said.length, 2, 'it has an address')
  tell(joined, engine(containers))
  t.equal(said.length, 3, 'no longer')
})
