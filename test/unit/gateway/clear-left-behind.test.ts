import t from 'tap'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { clearLeftBehind } from '../../../src/gateway/clear-left-behind.ts'
import type { LeftBehind } from '../../../src/passthrough/rules/left-behind.ts'

const DEAD: LeftBehind = { whose: 'dead', handle: '7' }

async function cleared(found: LeftBehind, remove = async () => true) {
  const done: string[] = []
  await clearLeftBehind({
    find: async () => found,
    remove: async (handle) => {
      done.push(`removes ${handle}`)
      return remove()
    },
    inform: (message) => void done.push(`info ${message}`),
    warn: (message) => void done.push(`warn ${message}`),
  })
  return done
}

t.test('a start without capture takes away what a killed gateway has left, and nothing else', async (t) => {
  t.same(await cleared({ whose: 'nothing' }), [])
  t.same(await cleared({ whose: 'alive' }), [], 'another gateway captures here')
  t.match(await cleared(DEAD), ['removes 7', /^info .*was killed.*taken away/])
  t.same(await cleared(DEAD, async () => false), ['removes 7'], 'another gateway has begun to capture meanwhile')
  const ending = await cleared({ whose: 'ending' })
  t.match(ending, [/^warn .*fairlead capture --remove/])
  t.equal(ending.length, 1)
  const failed = await cleared(DEAD, async () => {
    throw new GatewayError('INTERNAL', 'the kernel says no')
  })
  t.match(failed, ['removes 7', /^warn .*the kernel says no.*fairlead capture --remove/])
})

t.test('where nobody can tell, the log says what stands in the way', async (t) => {
  const [broken, ...others] = await cleared({
    whose: 'untold',
    why: 'the program nft is not installed',
    lacksRights: false,
  })
  t.match(broken, /^warn .*the program nft is not installed.*fairlead capture --remove/)
  t.notMatch(broken, /CAP_NET_ADMIN/)
  t.same(others, [])
  const lacking = await cleared({ whose: 'untold', why: 'Error: Operation not permitted', lacksRights: true })
  t.match(lacking, [/^info .*CAP_NET_ADMIN.*fairlead capture --remove/], 'no alarm beside a gateway that captures')
  t.equal(lacking.length, 1)
})
