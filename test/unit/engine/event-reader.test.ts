import t from 'tap'
import { EventReader } from '../../../src/engine/event-reader.ts'

const line = (event: unknown) => `${JSON.stringify(event)}\n`

t.test('events are read in whatever pieces they come, and whatever else is in them', (t) => {
  const labels = { ...{ container: 'other', big: 'x'.repeat(200_000), Type: 'label', deep: '{"Type":"x"}\\\n' } }
  const text = Buffer.from(
    [
      line({ status: 'die', id: 'a', Type: 'container', Action: 'die', Actor: { ID: 'a', Attributes: labels } }),
      '\n \n',
      '{"Type":\n',
      line({ Type: 7 }),
      `${'['.repeat(100)}\n`,
      `${'a'.repeat(100_000)}\n`,
      line({ Type: 'network', Action: 'disconnect', Actor: { ID: 'n', Attributes: { container: 'a', name: 'x' } } }),
      line({
        Type: 'network',
        Action: 'disconnect',
        Actor: { ID: 'n', Attributes: { container: 'y'.repeat(50_000) } },
      }),
      line({ Type: 'network', Action: 'disconnect', Actor: { ID: 'a', Attributes: { network: 'one', podId: '' } } }),
      line({ Type: 'container', Action: 'die', Actor: { ID: 'a', Attributes: { network: 'label' } } }),
      line({ Type: 'daemon', Action: 'reload' }),
      '{"Type":"container","Action":"st',
    ].join(''),
  )
  const expected = [
    { type: 'container', action: 'die', id: 'a' },
    undefined,
    undefined,
    undefined,
    undefined,
    { type: 'network', action: 'disconnect', id: 'n', container: 'a' },
    { type: 'network', action: 'disconnect', id: 'n' },
    { type: 'network', action: 'disconnect', id: 'a', network: 'one' },
    { type: 'container', action: 'die', id: 'a' },
    { type: 'daemon', action: 'reload' },
  ]
  for (const size of [1, 7, 4096, text.length]) {
    const reader = new EventReader()
    const events = []
    for (let from = 0; from < text.length; from += size) events.push(...reader.push(text.subarray(from, from + size)))
    t.strictSame(events, expected, `${size}`)
    t.strictSame(reader.push(Buffer.from('art"}\n')), [{ type: 'container', action: 'start' }])
  }
  t.end()
})
