import t from 'tap'
import { TunnelLimits } from '../../../src/front/tunnel-limits.ts'

t.test('silence, age and a broken side end a tunnel, each in its time', async (t) => {
  const limits = new TunnelLimits({ idleMs: 100, lifetimeMs: 1_000 }, 0)
  t.equal(limits.check(0, 99), undefined)
  t.equal(limits.check(1, 100), undefined, 'something has moved')
  t.equal(limits.check(1, 199), undefined)
  t.equal(limits.check(1, 200), 'idle')
  t.equal(limits.check(2, 1_000), 'lifetime')
  limits.linger('client', 300)
  t.equal(limits.check(3, 299), undefined)
  t.equal(limits.check(4, 300), 'client-reset', 'whatever moves')
  t.equal(new TunnelLimits({ idleMs: 0, lifetimeMs: 0 }, 0).check(0, 1e9), undefined, '0 is no limit')
})
