import t from 'tap'
import { httpVersionOf } from '../../../src/gateway/http-side.ts'
import { loadText } from '../../fixtures/settings/load-text.ts'
import '../../fixtures/stay-inside.ts'

/** That the engine may take to say who asks: see newcomers.ts. */
const ENGINE_MS = 2_000

t.test('an origin that thinks for longer than `responseHead` is told of before its client is let go', async (t) => {
  const slow = 'timeouts: { decision: 1m, responseHead: 1h }'
  for (const text of ['', 'timeouts: { responseHead: 1h }', 'timeouts: { responseHead: 10s, idle: 5s }', slow]) {
    const { loaded } = await loadText(text)
    const { idleMs, responseHeadMs } = JSON.parse(httpVersionOf(loaded!.settings))
    const { decision, dial } = loaded!.settings.timeouts
    const answeredMs = ENGINE_MS + decision + dial + responseHeadMs
    t.ok(idleMs > answeredMs, `${text}: ${idleMs} > ${answeredMs}`)
  }
})

t.test(
  'where nothing moves in an answer that has begun, it ends after five minutes, or what `decision`, `dial` and `responseHead` allow',
  async (t) => {
    for (const [text, expected] of [
      ['', 343_000],
      ['timeouts: { responseHead: off }', 343_000],
      ['timeouts: { responseHead: off, dial: 10m, idle: 5s }', 913_000],
      ['timeouts: { responseHead: 10s, idle: off }', 300_000],
      ['timeouts: { responseHead: 10s, idle: 60s }', 60_000],
    ] as const) {
      const { loaded } = await loadText(text)
      t.equal(JSON.parse(httpVersionOf(loaded!.settings)).idleMs, expected, text)
    }
  },
)
