import t from 'tap'
import { inspectVia, viaMember } from '../../../src/wire/http-via.ts'

t.test('loops are found by our own name and by nothing else', async (t) => {
  const rows: ReadonlyArray<readonly [fields: string[], finding: string]> = [
    [[], 'fine'],
    [['Via', '1.1 other'], 'fine'],
    [['Via', '1.1 me'], 'loop'],
    [['via', 'HTTP/1.1 me (comment)'], 'loop'],
    [['Via', '1.0 a, 1.1\tme , 1.1 b'], 'loop'],
    [['Via', '1.1 a', 'X', 'y', 'Via', '1.1 me'], 'loop'],
    [['Via', '1.1 me2'], 'fine'],
    [['Via', '1.1 ME'], 'fine'],
    [['Via', '1.1 a (me)'], 'fine'],
    [['Via', 'me'], 'fine'],
    [['X-Via', '1.1 me'], 'fine'],
    [['Via', Array(64).fill('1.1 a').join(',')], 'fine'],
    [['Via', Array(65).fill('1.1 a').join(',')], 'too-many'],
  ]
  for (const [fields, finding] of rows) t.equal(inspectVia(fields, 'me'), finding, JSON.stringify(fields).slice(0, 60))
  t.equal(inspectVia(['Via', viaMember('me', 0)], 'me'), 'loop')
})
