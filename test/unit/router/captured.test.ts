import t from 'tap'
import type { RouteQuery } from '../../../src/contracts/route.ts'
import { createAccess } from '../../../src/router/access.ts'
import { createRouter } from '../../../src/router/create-router.ts'
import { parseExcludeList } from '../../../src/wire/exclude-list.ts'
import { targetFromHost } from '../../../src/wire/target.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'

const proxy = [{ kind: 'socks5', host: 'proxy.test', port: 1080, family: 0 }] as const

function router(options: { exclude?: string; deny?: string; rejectDisbelieved?: boolean }) {
  const list = (text = '') => parseExcludeList(text)
  const access = createAccess({
    allow: list(),
    deny: list(options.deny),
    ownEndpoints: () => [{ address: '0.0.0.0', port: 3128 }],
    clock: manualClock(),
    localAddresses: () => ['10.0.0.1'],
  })
  return createRouter({
    host: { mode: 'manual', https: proxy, http: proxy, exclude: list(options.exclude) },
    access,
    generation: 1,
    ...(options.rejectDisbelieved ? { rejectDisbelieved: true } : {}),
  })
}

/** A captured flow: the name that is believed, or not, and the address that was dialled. */
function query(name: string | undefined, dialled: string, disbelieved?: string): RouteQuery {
  const address = targetFromHost(dialled, 443)
  return {
    target: name === undefined ? address : targetFromHost(name, 443),
    scheme: 'https',
    scope: 'containers',
    client: { address: '10.0.0.2', port: 1, local: false },
    captured: { dialled: address, ...(disbelieved ? { disbelieved } : {}) },
  }
}

const rows: readonly (readonly [
  title: string,
  Parameters<typeof router>[0],
  RouteQuery,
  decision: string,
  source?: string,
])[] = [
  ['the name decides', { exclude: 'a.test' }, query('a.test', '192.0.2.1'), 'direct', 'exclude'],
  [
    'entries of addresses hold for what was dialled',
    { exclude: '192.0.2.0/24' },
    query('a.test', '192.0.2.1'),
    'direct',
    'exclude',
  ],
  ['nothing matches', { exclude: 'b.test' }, query('a.test', '192.0.2.1'), 'proxy'],
  ['a denied name', { deny: 'a.test' }, query('a.test', '192.0.2.1'), 'reject', 'access'],
  ['a denied address, whatever its name', { deny: '192.0.2.0/24' }, query('a.test', '192.0.2.1'), 'reject', 'access'],
  ['cloud metadata under a name', {}, query('a.test', '169.254.169.254'), 'reject', 'access'],
  ['loopback under a name', {}, query('a.test', '127.0.0.1'), 'reject', 'access'],
  ['a name that means the proxy’s loopback', {}, query('localhost', '192.0.2.1'), 'reject', 'access'],
  ['a name that is not believed', {}, query(undefined, '192.0.2.1', 'a.test'), 'proxy'],
  [
    'a name that is not believed, to be refused',
    { rejectDisbelieved: true },
    query(undefined, '192.0.2.1', 'a.test'),
    'reject',
    'name-mismatch',
  ],
  ['no name at all, which is no mismatch', { rejectDisbelieved: true }, query(undefined, '192.0.2.1'), 'proxy'],
]

t.test('captured flows', async (t) => {
  for (const [title, options, asked, decision, source] of rows) {
    const route = await router(options).route(asked, new AbortController().signal)
    t.equal(route.decision, decision, title)
    if (source) t.equal(route.because.source, source, title)
  }
})
