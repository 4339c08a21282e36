import t from 'tap'
import { nearestName } from '../../../src/wire/nearest-name.ts'

const known = [
  'listen',
  'proxy',
  'containersProxy',
  'upstreams',
  'timeouts',
  'exclude',
  'embeddedPac',
  'pac',
  'http',
  'https',
]

const rows: readonly (readonly [string, string | undefined])[] = [
  ['proxi', 'proxy'],
  ['porxy', 'proxy'],
  ['Proxy', 'proxy'],
  ['containers_proxy', 'containersProxy'],
  ['containerProxy', 'containersProxy'],
  ['containers-proxy', 'containersProxy'],
  ['upstream', 'upstreams'],
  ['timeout', 'timeouts'],
  ['excludes', 'exclude'],
  ['embededPac', 'embeddedPac'],
  ['httpss', 'https'],
  ['lsiten', 'listen'],
  ['ftp', undefined],
  ['banana', undefined],
  ['', undefined],
  ['x'.repeat(100_000), undefined],
]

t.test('the name that was meant', async (t) => {
  for (const [written, meant] of rows) t.equal(nearestName(written, known), meant, written.slice(0, 40))
})
