import { test } from 'tap'
import { clientName } from '../../../src/observe/client-name.ts'

test('who has no address has not come by a UNIX socket for that', async (t) => {
  t.equal(clientName({ address: '10.0.0.1', local: false }), '10.0.0.1')
  t.equal(clientName({ local: true }), 'unix')
  t.equal(clientName({ local: false }), 'unknown')
})
