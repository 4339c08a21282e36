import t from 'tap'
import { leadsElsewhere, portInUse } from '../../../src/passthrough/rules/in-use.ts'

const TABLE = `table inet fairlead {
  chain deliver {
    meta l4proto tcp meta mark set 0x00f12000 tproxy ip to 127.0.0.1:40004 accept
    meta l4proto tcp meta mark set 0x00f12000 tproxy ip6 to [::1]:40006 accept
  }
}`
const HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'
const row = (local: string, state: string) =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 1 1\n`

t.test('a gateway runs, or has been killed', async (t) => {
  const [four, six] = ['0100007F:9C44', '00000000000000000000000001000000:9C46']
  t.equal(portInUse(TABLE, HEAD + row(four, '0A') + row(six, '0A')), 40_004)
  t.equal(portInUse(TABLE.replace(/.* ip to .*\n/, ''), HEAD + row(six, '0A')), 40_006, 'one family')
  t.equal(portInUse(TABLE, HEAD + row(four, '0A')), undefined, 'another program, by chance')
  t.equal(
    portInUse(TABLE, HEAD + row(four, '01') + row(six, '01')),
    undefined,
    'connections alone are nobody who listens',
  )
  t.equal(portInUse(TABLE, HEAD + row('0100007F:0050', '0A')), undefined, 'somebody else')
  t.equal(portInUse('', HEAD + row('0100007F:9C44', '0A')), undefined, 'no rules')
  t.equal(portInUse(TABLE, ''), undefined)
})

t.test('whose rules they are', async (t) => {
  t.equal(leadsElsewhere(TABLE, { 4: 40_004, 6: 40_006 }), false)
  t.equal(leadsElsewhere(TABLE, { 4: 40_004 }), false)
  t.equal(leadsElsewhere(TABLE, { 4: 1, 6: 2 }), true)
  t.equal(leadsElsewhere('', { 4: 1 }), false, 'none stand')
})
