import t from 'tap'
import type { LookupOptions } from '../../../src/contracts/resolver.ts'
import { resolverByOwner } from '../../../src/gateway/resolver-by-owner.ts'

t.test('lookups are for whom an address belongs to, and all else stays as it is', async (t) => {
  const asked: (LookupOptions | undefined)[] = []
  let forgotten = 0
  const resolver = resolverByOwner(
    {
      resolve: async (_name, _signal, options) => {
        asked.push(options)
        return [{ address: '192.0.2.1', family: 4 }]
      },
      forget: () => {
        forgotten += 1
      },
    },
    (client) => (client.startsWith('172.20.') ? 'strangers' : client),
  )
  const { signal } = new AbortController()
  const progress = { queued() {}, started() {} }
  t.same(await resolver.resolve('a.test', signal, { client: '172.20.0.7', progress }), [
    { address: '192.0.2.1', family: 4 },
  ])
  await resolver.resolve('a.test', signal, { client: 'a-container' })
  await resolver.resolve('a.test', signal)
  t.same(
    asked.map((options) => options?.client),
    ['strangers', 'a-container', undefined],
  )
  t.equal(asked[0]?.progress, progress)
  resolver.forget?.()
  t.equal(forgotten, 1)
})
