import t from 'tap'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import type { Resolver } from '../../../src/contracts/resolver.ts'
import { believe, type Trust, type Witness } from '../../../src/passthrough/names/believe.ts'
import { targetFromHost } from '../../../src/wire/target.ts'

const dialled = targetFromHost('192.0.2.1', 443)
const resolver: Resolver = {
  async resolve(name) {
    if (name === 'unknown.test') throw new GatewayError('RESOLVE_FAILED', 'no such name')
    return [{ address: name === 'true.test' ? '192.0.2.1' : '192.0.2.66', family: 4 }]
  },
}

const ADDRESS = 'the address'
const rows: readonly (readonly [Trust, Witness | undefined, target: string, disbelieved?: string])[] = [
  ['address', undefined, ADDRESS],
  ['address', { name: 'true.test', source: 'sni' }, 'true.test'],
  ['address', { name: 'false.test', source: 'sni' }, ADDRESS, 'false.test'],
  ['address', { name: 'unknown.test', source: 'http-host' }, ADDRESS, 'unknown.test'],
  ['address', { name: 'false.test', source: 'dns' }, 'false.test'], // our own answer
  ['name', { name: 'false.test', source: 'http-host' }, 'false.test'],
  ['name', { name: 'false.test', source: 'sni', hint: true }, ADDRESS, 'false.test'], // the outer name of ECH
  ['name', { name: 'true.test', source: 'sni', hint: true }, 'true.test'],
  ['reject', { name: 'true.test', source: 'sni' }, 'true.test'],
  ['reject', { name: 'false.test', source: 'sni' }, ADDRESS, 'false.test'],
]

t.test('whom to believe', async (t) => {
  for (const [trust, witness, target, disbelieved] of rows) {
    const believed = await believe(dialled, witness, trust, resolver, new AbortController().signal)
    const title = `${trust}: ${witness ? `${witness.source} ${witness.name}` : 'no name'}`
    t.equal(believed.target.host, target === ADDRESS ? '192.0.2.1' : target, title)
    t.equal(believed.target.port, 443)
    t.equal(believed.captured.disbelieved, disbelieved)
    t.same(believed.captured.dialled, dialled)
    t.equal(believed.captured.nameSource, target === ADDRESS ? undefined : witness?.source)
  }
})
