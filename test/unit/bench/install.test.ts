import t from 'tap'
import { packagesOf } from '../../../bench/install.ts'
import { programs } from '../../../bench/peers/programs.ts'

t.test(
  'packages are fetched for programs that are not here, and none for those that are, by whichever package',
  async (t) => {
    const squid = programs.find(({ name }) => name === 'squid')!
    t.same(packagesOf([{ ...squid, available: () => true }]), [])
    t.same(packagesOf([{ ...squid, available: () => false }]), ['squid-openssl'])
  },
)

t.test('no two programs want packages that exclude each other', async (t) => {
  const all = programs.flatMap(({ packages }) => packages)
  t.notOk(all.includes('squid'), '`squid` would remove `squid-openssl`, which the end-to-end tests have')
})
