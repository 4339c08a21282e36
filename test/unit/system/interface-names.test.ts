import t from 'tap'
import { interfaceNames } from '../../../src/system/interface-names.ts'

t.test('as the kernel lists them', async (t) => {
  const list = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 1392680   17142    0    0    0     0          0         0  1392680   17142    0    0    0     0       0          0
br-0123456789ab:9       1    0    0    0     0          0         0        9       1    0    0    0     0       0          0
  eth0: 0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
`
  const folder = t.testdir({ dev: list })
  t.strictSame([...interfaceNames(`${folder}/dev`)!], ['lo', 'br-0123456789ab', 'eth0'])
  t.equal(interfaceNames(`${folder}/none`), undefined)
  if (process.platform === 'linux') t.ok(interfaceNames()?.has('lo'))
})
