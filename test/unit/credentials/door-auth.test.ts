import t from 'tap'
import { Secret } from '../../../src/contracts/secret.ts'
import { createDoorAuth } from '../../../src/credentials/door-auth.ts'

const auth = createDoorAuth({ alice: new Secret('secret'), jürgen: new Secret('pässwörd'), empty: new Secret('') })

const rows: readonly (readonly [string, string, boolean])[] = [
  ['alice', 'secret', true],
  ['jürgen', 'pässwörd', true],
  ['empty', '', true],
  ['alice', 'Secret', false],
  ['alice', 'secret ', false],
  ['alice', 'secre', false],
  ['alice', '', false],
  ['alice', 'secret'.repeat(10_000), false],
  ['Alice', 'secret', false],
  ['', '', false],
  ['', 'secret', false],
  ['nobody', 'secret', false],
  ['nobody', '', false],
  ['constructor', '', false],
  ['__proto__', '', false],
  ['toString', 'secret', false],
  // Two code points or one: not the same bytes, so not the same password.
  ['jürgen', 'pa\u0308sswo\u0308rd', false],
]

t.test('who may use a door', async (t) => {
  for (const [user, password, allowed] of rows)
    t.equal(auth.verify(user, password), allowed, `${user}:${password.slice(0, 20)}`)
  t.equal(createDoorAuth({}).verify('', ''), false, 'without users nobody may')
})
