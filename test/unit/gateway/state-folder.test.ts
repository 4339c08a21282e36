import t from 'tap'
import type { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { stateFolder } from '../../../src/gateway/state-folder.ts'

t.test('where state is kept, by the environment', async (t) => {
  const home = { HOME: '/home/a' }
  const rows: ReadonlyArray<readonly [env: Record<string, string>, folder: string | undefined]> = [
    [home, '/home/a/.local/state/fairlead'],
    [{ ...home, XDG_STATE_HOME: '/state' }, '/state/fairlead'],
    [{ ...home, XDG_STATE_HOME: '/state', STATE_DIRECTORY: '/var/lib/fairlead' }, '/var/lib/fairlead'],
    [{ STATE_DIRECTORY: '/var/lib/fairlead:/var/lib/other' }, '/var/lib/fairlead'],
    [{ ...home, XDG_STATE_HOME: 'state', STATE_DIRECTORY: 'lib' }, '/home/a/.local/state/fairlead'],
    [{ HOME: 'home' }, undefined],
    [{ HOME: '' }, undefined],
    [{}, undefined],
  ]
  for (const [env, folder] of rows) {
    const found = stateFolder(env, 'linux')
    if (folder !== undefined) t.equal(found, folder, JSON.stringify(env))
    else t.match(found, { code: 'PAC_FAILED', hint: /StateDirectory=fairlead/ }, JSON.stringify(env))
  }
  t.equal(stateFolder({ LOCALAPPDATA: 'C:\\a' }, 'win32'), 'C:\\a\\Fairlead\\state')
  t.match((stateFolder({}, 'win32') as GatewayError).message, 'LOCALAPPDATA')
})
