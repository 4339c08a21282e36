import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import type { Resolver } from '../../../src/contracts/resolver.ts'
import { believe, type Heard, type Trust } from '../../../src/passthrough/names/believe.ts'
import { targetFromHost } from '../../../src/wire/target.ts'

const dialled = targetFromHost('192.0.2.1', 443)
const resolver: Resolver = {
  async resolve(name) {
    if (name === 'unknown.test') throw new GatewayError('RESOLVE_FAILED', 'no such name')
    return [{ address: name === 'true.test' ? '192.0.2.1' : '192.0.2.66', family: 4 }]
  },
}

const ADDRESS = 'the address'
const TOLD = ['later.test', 'true.test', 'earlier.test']

interface Row {
  readonly trust?: Trust
  readonly told?: readonly string[]
  readonly heard?: Heard
  readonly target: string
  readonly source?: 'dns' | 'sni' | 'http-host'
  readonly disbelieved?: string
  readonly oneOf?: readonly string[]
  readonly disagrees?: true
}
const sni = (name: string): Heard => ({ name, source: 'sni' })
const outer = (name: string): Heard => ({ name, source: 'sni', hint: true }) // of Encrypted ClientHello

const rows: readonly Row[] = [
  { target: ADDRESS },
  { heard: sni('true.test'), target: 'true.test', source: 'sni' },
  { heard: sni('false.test'), target: ADDRESS, disbelieved: 'false.test' },
  { heard: { name: 'unknown.test', source: 'http-host' }, target: ADDRESS, disbelieved: 'unknown.test' },
  { told: ['false.test'], target: 'false.test', source: 'dns' }, // our own answer
  {
    trust: 'name',
    heard: { name: 'false.test', source: 'http-host' },
    target: 'false.test',
    source: 'http-host',
    disagrees: true,
  },
  { trust: 'name', heard: sni('true.test'), target: 'true.test', source: 'sni' },
  { trust: 'name', heard: sni('unknown.test'), target: 'unknown.test', source: 'sni' }, // only the proxy knows it
  { trust: 'name', heard: outer('false.test'), target: ADDRESS, disbelieved: 'false.test' },
  { trust: 'name', heard: outer('true.test'), target: 'true.test', source: 'sni' },
  { trust: 'reject', heard: sni('true.test'), target: 'true.test', source: 'sni' },
  { trust: 'reject', heard: sni('false.test'), target: ADDRESS, disbelieved: 'false.test' },
  // Of one told name only `reject` asks whether it is meant.
  { told: ['told.test'], trust: 'reject', target: 'told.test', source: 'dns' },
  { told: ['told.test'], trust: 'reject', heard: sni('told.test'), target: 'told.test', source: 'sni' },
  { told: ['told.test'], trust: 'reject', heard: sni('true.test'), target: 'true.test', source: 'sni' },
  { told: ['told.test'], trust: 'reject', heard: sni('false.test'), target: ADDRESS, disbelieved: 'false.test' },
  { told: ['told.test'], trust: 'reject', heard: outer('false.test'), target: ADDRESS, disbelieved: 'false.test' },
  { told: ['told.test'], trust: 'reject', heard: outer('true.test'), target: ADDRESS, disbelieved: 'true.test' },
  { told: ['told.test'], trust: 'reject', heard: outer('told.test'), target: 'told.test', source: 'sni' },
  { told: ['told.test'], heard: outer('false.test'), target: 'told.test', source: 'dns' },
  // Several names for one address.
  { told: TOLD, target: 'later.test', source: 'dns', oneOf: TOLD },
  { told: TOLD, heard: sni('earlier.test'), target: 'earlier.test', source: 'sni' },
  { told: TOLD, trust: 'reject', heard: sni('earlier.test'), target: 'earlier.test', source: 'sni' }, // agrees: told
  { told: TOLD, heard: outer('earlier.test'), target: 'earlier.test', source: 'sni' }, // of browsers, all look so
  { told: TOLD, heard: outer('false.test'), target: 'later.test', source: 'dns', oneOf: TOLD },
  { told: TOLD, trust: 'reject', heard: outer('false.test'), target: ADDRESS, disbelieved: 'false.test' },
  { told: ['a.test', 'b.test'], heard: sni('true.test'), target: 'true.test', source: 'sni' },
  { told: TOLD, heard: sni('false.test'), target: ADDRESS, disbelieved: 'false.test' },
  { told: TOLD, trust: 'name', heard: sni('false.test'), target: 'false.test', source: 'sni', disagrees: true },
]

t.test('whom to believe', async (t) => {
  for (const { trust = 'address', told = [], heard, target, source, disbelieved, oneOf, disagrees } of rows) {
    const believed = await believe(dialled, { told, heard }, trust, resolver, new AbortController().signal, '10.0.0.2')
    const onItsWord = trust === 'name' && source !== undefined && source !== 'dns' && !told.includes(target)
    t.equal(believed.captured.unverified, onItsWord && !heard?.hint ? true : undefined, 'at first')
    const says = heard ? `${heard.hint ? 'outer ' : ''}${heard.source} ${heard.name}` : 'nothing'
    const title = `${trust}: told ${told.join(', ') || 'nothing'}, heard ${says}`
    t.equal(believed.target.host, target === ADDRESS ? '192.0.2.1' : target, title)
    t.equal(believed.target.port, 443)
    t.equal(believed.captured.disbelieved, disbelieved)
    t.same(believed.captured.dialled, dialled)
    t.equal(believed.captured.nameSource, source)
    t.same(believed.captured.oneOf, oneOf)
    await setImmediate() // it is looked up beside the connection
    t.equal(believed.captured.disagrees, disagrees)
    const stays = disagrees || target === 'unknown.test'
    t.equal(believed.captured.unverified, stays ? true : undefined, 'once it has been looked up')
  }
})
