import t from 'tap'
import { formatListenAddress } from '../../../src/wire/listen-address.ts'
import { loadText } from '../../fixtures/settings/load-text.ts'

t.test('where the reverse door is', async (t) => {
  const table: [text: string, expected: string][] = [
    ['{}', ''],
    ['reverse: {}', ''],
    ['reverse: { listen: 1080 }', '127.0.0.1:1080'],
    ['reverse: { listen: ["127.0.0.1:1080", "[::1]:1080"] }', '127.0.0.1:1080 [::1]:1080'],
    ['reverse: { listen: { address: "0.0.0.0:1080", from: 172.16.0.0/12 } }', '0.0.0.0:1080 from 172.16.0.0/12'],
    ['reverse: { listen: "0.0.0.0:1080", auth: { users: { a: b } } }', '0.0.0.0:1080 users a'],
    ['listen: { auth: { users: { a: b } } }\nreverse: { listen: 1080 }', '127.0.0.1:1080'],
  ]
  for (const [text, expected] of table) {
    const { loaded, printed } = await loadText(text)
    t.equal(printed, '')
    const doors = loaded!.settings.reverse.listen.map(({ address, from, users }) => {
      const limits = [from.length > 0 ? ` from ${from}` : '', users ? ` users ${Object.keys(users)}` : '']
      return formatListenAddress(address) + limits.join('')
    })
    t.equal(doors.join(' '), expected, text)
  }
})

t.test('what is refused', async (t) => {
  const table: [text: string, expected: string][] = [
    ['reverse: { listen: "0.0.0.0:1080" }', 'anybody who reaches 0.0.0.0:1080 could use the gateway'],
    ['reverse: { listen: "0.0.0.0:1080" }', 'Set reverse.auth.users'],
    ['listen: { auth: { users: { a: b } } }\nreverse: { listen: "[::]:1080" }', 'anybody who reaches'],
    ['reverse: { listen: 3128 }', '127.0.0.1:3128 is given twice, here and at listen.mixed[0]'],
    ['engine: { socket: off }\nreverse: { listen: 1080 }', 'no engine is followed'],
    [
      'engine: { socket: off }\ncapture: { enabled: true }',
      'no engine is followed, so there are no networks of it to capture',
    ],
    ['engine: { socket: off }\ndns: { containerNames: true }', 'no engine is followed, so no container has a name'],
    [
      'engine: { socket: off }\ncontainerRules: [ { match: { known: false }, use: direct }, { match: { image: x }, use: reject } ]',
      'containerRules[1]',
    ],
    ['reverse: { listen: { address: 1080, scope: containers } }', 'scope'],
  ]
  for (const [text, expected] of table) {
    const { printed, problems } = await loadText(text)
    t.equal(problems.length, 1, text)
    t.match(printed, expected)
  }
})

t.test('no proxy port is needed beside another way in', async (t) => {
  for (const way of [
    'reverse: { listen: 127.0.0.1:1080 }',
    'capture: { enabled: true }',
    'dns: { listen: 127.0.0.1:5353 }',
  ]) {
    const { loaded, printed } = await loadText(`listen: { mixed: [] }\n${way}`)
    t.equal(printed, '', way)
    t.same(loaded?.settings.listen.mixed, [])
  }
})
