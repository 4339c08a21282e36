import t from 'tap'
import { clearLeftBehind } from '../../../src/gateway/clear-left-behind.ts'
import type { LeftBehind } from '../../../src/passthrough/rules/left-behind.ts'

async function cleared(found: LeftBehind, remove = async () => {}) {
  const done: string[] = []
  await clearLeftBehind({
    find: async () => found,
    remove: async () => {
      done.push('removed')
      await remove()
    },
    inform: (message) => void done.push(`info ${message}`),
    warn: (message) => void done.push(`warn ${message}`),
  })
  return done
}

t.test('a start without capture takes away what a killed gateway has left, and nothing else', async (t) => {
  t.same(await cleared('nothing'), [])
  t.same(await cleared('alive'), [], 'another gateway captures here')
  t.match(await cleared('dead'), ['removed', /^info .*was killed.*taken away/])
  for (const found of ['ending', 'untold'] as const) {
    const said = await cleared(found)
    t.match(said, [/^warn .*fairlead capture --remove/], found)
    t.equal(said.length, 1)
  }
  const failed = await cleared('dead', async () => {
    throw new Error('the kernel says no')
  })
  t.match(failed, ['removed', /^warn .*fairlead capture --remove/])
})
