import t from 'tap'
import { mergeSources } from '../../../src/settings/merge-sources.ts'
import { loadText } from '../../fixtures/settings/load-text.ts'

t.test('a family is left out by name in dual-stack only', async (t) => {
  for (const mode of ['ipv4only', 'ipv6only']) {
    for (const inhibition of ['ipv4', 'ipv6']) {
      const { problems, printed } = await loadText(`defaultNetworkingMode: ${mode}\ndnsInhibition: ${inhibition}`)
      t.equal(problems.length, 1, `${mode} ${inhibition}`)
      t.match(printed, 'dnsInhibition')
    }
    for (const inhibition of ['auto', 'none']) {
      const { printed } = await loadText(`defaultNetworkingMode: ${mode}\ndnsInhibition: ${inhibition}`)
      t.equal(printed, '', `${mode} ${inhibition}`)
    }
  }
})

t.test('zones and doors that cannot be', async (t) => {
  const table: [text: string, expected: string][] = [
    ['dns: { zones: { corp.test: not-an-address } }', 'zones'],
    ['dns: { zones: { "bad zone": 192.0.2.1 } }', 'this is not a zone'],
    ['dns: { zones: { corp.test: 192.0.2.1, CORP.test.: 192.0.2.2 } }', 'this is the same zone as corp.test'],
    ['dns: { hostAddress: 127.0.0.1 }', 'no address that containers could reach anybody by'],
    ['dns: { gatewayAddress: [192.168.65.1, 224.0.0.1] }', 'gatewayAddress[1]'],
    ['dns: { hostAddress: "::" }', 'such as 192.168.65.254'],
    ['dns: { hostAddress: gateway }', '"gateway" is not an address'],
    ['dns: { hostAddress: 192.168.65.1 }', '192.168.65.1 is dns.gatewayAddress as well'],
    ['dns: { gatewayAddress: [10.9.9.9, "FDC4:f303:9324:0::254"] }', 'is dns.hostAddress as well'],
    ['dns: { hostAddress: 10.9.9.9, gatewayAddress: 10.9.9.9 }', 'dns.gatewayAddress'],
    ['dns: { listen: [5353, "127.0.0.1:5353"] }', '127.0.0.1:5353 is given twice, here and at dns.listen[0]'],
    ['dns: { listen: 5353, servers: [192.0.2.1, "127.0.0.1:5353"] }', 'servers[1]'],
    [
      'dns: { listen: 5353, servers: "127.0.0.1:5353" }',
      'this is the gateway itself, which answers there (dns.listen[0])',
    ],
    ['dns: { listen: 53, zones: { corp.test: [192.0.2.1, 127.0.0.1] } }', 'which answers there'],
    ['dns: { listen: { address: "[::]:53", from: 10.0.0.0/8 }, servers: ["::1"] }', 'which answers there'],
    ['dns: { listen: "172.17.0.1" }', 'Add a port: 172.17.0.1:53.'],
    ['dns: { listen: "::1" }', 'with a port: "[::1]:53".'],
    ['dns: { listen: x }', 'expected: ADDRESS:PORT such as 127.0.0.1:53 or [::1]:53, or a port'],
    ['dns: { listen: /run/dns }', 'write the address'],
    ['dns: { listen: "172.17.0.1:53" }', 'anybody who reaches this address would be answered'],
  ]
  for (const [text, expected] of table) {
    const { problems, printed } = await loadText(text)
    t.equal(problems.length, 1, text)
    t.match(printed, expected)
  }
})

t.test('servers that are not this one, and doors that are two', async (t) => {
  for (const text of [
    'dns: { listen: 5353, servers: 127.0.0.1 }',
    'dns: { listen: 53, servers: 127.0.0.53 }',
    'dns: { listen: { address: "0.0.0.0:53", from: 10.0.0.0/8 }, servers: [127.0.0.53, "::1", 192.0.2.1] }',
    'dns: { listen: [53, "[::1]:53", "127.0.0.1:0", "127.0.0.1:0"], zones: { corp.test: 192.0.2.1 } }',
    'dns: { listen: { address: "[::]:53", from: 10.0.0.0/8 }, servers: 127.0.0.1 }',
    'dns: { servers: 127.0.0.1 }',
  ]) {
    const { printed } = await loadText(text)
    t.equal(printed, '', text)
  }
})

t.test('a word at the top of a file stays a word', async (t) => {
  const { loaded, printed } = await loadText('defaultNetworkingMode: ipv6only\ndnsInhibition: none')
  t.equal(printed, '')
  t.match(loaded!.settings.dns, { mode: 'ipv6only', inhibition: 'none' })
  const source = (data: unknown) => ({ data }) as Parameters<typeof mergeSources>[0][number]
  const [low, high] = [source({ word: 'low', number: 0, list: [1] }), source({ word: 'high', list: [2] })]
  const merged = mergeSources([low, high])
  t.same(merged.data, { word: 'high', number: 0, list: [2] })
  t.equal(merged.sourceOf(['word']), high)
  t.equal(merged.sourceOf(['number']), low)
})
