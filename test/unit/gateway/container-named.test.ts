import t from 'tap'
import type { Container } from '../../../src/contracts/containers.ts'
import type { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { containerNamed } from '../../../src/gateway/container-named.ts'

const one = (name: string, id: string, compose?: string): Container => {
  const [project, service] = compose?.split('/') ?? []
  return { id, name, image: 'box', labels: {}, endpoints: [], ...(project && service ? { project, service } : {}) }
}
const view = {
  networks: [],
  containers: [
    one('shop-db-1', 'aaaa1111', 'shop/db'),
    one('blog-db-1', 'aaaa2222', 'blog/db'),
    one('shop-web-1', 'bbbb3333', 'shop/web'),
    one('db', 'cccc4444'),
  ],
}

t.test('found', (t) => {
  const rows = [
    ['shop-db-1', 'shop-db-1'],
    ['/shop-db-1', 'shop-db-1'],
    ['db', 'db'],
    ['web', 'shop-web-1'],
    ['db.blog', 'blog-db-1'],
    ['bbbb', 'shop-web-1'],
    ['aaaa1', 'shop-db-1'],
  ] as const
  for (const [wanted, name] of rows) t.equal(containerNamed(wanted, view).name, name, wanted)
  t.end()
})

t.test('not found', (t) => {
  const rows = [
    ['aaaa', '"aaaa" is ambiguous: blog-db-1, shop-db-1', 'Give the name of one of them.'],
    ['shop-bd-1', 'there is no running container "shop-bd-1"', 'Did you mean shop-db-1?'],
    ['wbe', 'there is no running container "wbe"', 'Did you mean web?'],
    ['bbb', 'there is no running container "bbb"', 'Running: blog-db-1, db, shop-db-1, shop-web-1.'],
    ['zzzzzzzz', 'there is no running container "zzzzzzzz"', 'Running: blog-db-1, db, shop-db-1, shop-web-1.'],
  ] as const
  for (const [wanted, message, hint] of rows)
    t.throws(() => containerNamed(wanted, view), { code: 'RESOLVE_FAILED', message, hint } as GatewayError, wanted)
  t.throws(() => containerNamed('a', { networks: [], containers: [] }), { hint: 'Running: none.' } as GatewayError)
  t.end()
})
