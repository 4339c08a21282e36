import t from 'tap'
import type { ContainerView } from '../../../src/contracts/containers.ts'
import { tellInternalNetworks } from '../../../src/gateway/internal-networks.ts'
import type { Settings } from '../../../src/settings/settings.ts'

const capturing = (networks: string[], enabled = true) => ({ capture: { enabled, networks } }) as unknown as Settings
const engineWith = (...internal: string[]) => ({
  view: () =>
    ({
      networks: [
        { id: 'bridge', name: 'bridge', bridged: true, internal: false },
        { id: 'lan', name: 'lan', bridged: false, internal: true },
        ...internal.map((name) => ({ id: name, name, bridged: true, internal: true })),
      ],
      containers: [],
    }) as unknown as ContainerView,
})

t.test('internal networks that `engine` leaves out: said of each once, until it is gone', async (t) => {
  const said: string[] = []
  const tell = tellInternalNetworks((message) => void said.push(message))
  tell(capturing(['engine'], false), engineWith('cut'))
  tell(capturing(['bridge']), engineWith('cut'))
  tell(capturing(['engine', 'cut']), engineWith('cut'))
  tell(capturing(['engine']), engineWith())
  t.same(said, [], 'nothing is left out')
  tell(capturing(['engine']), engineWith('cut'))
  tell(capturing(['engine']), engineWith('cut'))
  t.match(said, [/--internal.* cut$/])
  t.equal(said.splice(0).length, 1)
  tell(capturing(['engine']), engineWith('cut', 'more'))
  t.match(said.splice(0), [/ more$/])
  tell(capturing(['engine']), engineWith('more'))
  tell(capturing(['engine']), engineWith('cut', 'more'))
  t.match(said, [/ cut$/], 'made again')
})
