import t from 'tap'
import { httpVersionOf } from '../../../src/gateway/http-side.ts'
import { loadText } from '../../fixtures/settings/load-text.ts'
import '../../fixtures/stay-inside.ts'

t.test('an origin that thinks for longer than `responseHead` is told of before its client is let go', async (t) => {
  for (const text of ['', 'timeouts: { responseHead: 1h }', 'timeouts: { responseHead: 10s, idle: 5s }']) {
    const { loaded } = await loadText(text)
    const { idleMs, responseHeadMs } = JSON.parse(httpVersionOf(loaded!.settings))
    const answeredMs = loaded!.settings.timeouts.dial + responseHeadMs
    t.ok(idleMs > answeredMs, `${text}: ${idleMs} > ${answeredMs}`)
  }
})

t.test(
  'where nothing moves in an answer that has begun, it ends after five minutes, or what `dial` and `responseHead` allow',
  async (t) => {
    for (const [text, expected] of [
      ['', 331_000],
      ['timeouts: { responseHead: off }', 300_000],
      ['timeouts: { responseHead: 10s, idle: off }', 300_000],
      ['timeouts: { responseHead: 10s, idle: 60s }', 60_000],
    ] as const) {
      const { loaded } = await loadText(text)
      t.equal(JSON.parse(httpVersionOf(loaded!.settings)).idleMs, expected, text)
    }
  },
)
