import t from 'tap'
import { loadText } from '../../fixtures/settings/load-text.ts'

t.test('off, unless wanted; and then sensible', async (t) => {
  const { loaded } = await loadText('')
  t.match(loaded?.settings.capture, {
    enabled: false,
    networks: ['engine'],
    subnets: [],
    interfaces: [],
    otherPorts: 'bypass',
    trust: 'address',
    peek: 100,
    hold: 'auto',
    mark: 0xf12000,
  })
})

t.test('written', async (t) => {
  const { loaded, printed } = await loadText(
    'capture: { enabled: true, networks: [a, b_default], subnets: 10.0.0.0/8, interfaces: [docker0, br-0123456789ab], mark: 0x10, peek: off }',
  )
  t.equal(printed, '')
  t.match(loaded?.settings.capture, { networks: ['a', 'b_default'], subnets: ['10.0.0.0/8'], mark: 16, peek: 0 })
})

const wrong: readonly (readonly [text: string, said: RegExp])[] = [
  ['interfaces: [way-too-long-a-name]', /no interface/],
  ["interfaces: ['a\" }']", /no interface/],
  ['interfaces: [../x]', /no interface/],
  ['subnets: docker0', /address block/],
  ['mark: 0', /no mark/],
  ['mark: 0xffffffff', /no mark/],
  ['mark: "12; drop"', /no mark/],
  ['table: 254', /256/],
  ['trust: anybody', /address/],
  ['otherPorts: allow', /bypass/],
]

t.test('what would go into a script is checked first', async (t) => {
  for (const [text, said] of wrong) t.match((await loadText(`capture:\n  ${text}\n`)).printed, said, text)
})
