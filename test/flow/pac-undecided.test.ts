import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { type Clock, systemClock } from '../../src/contracts/clock.ts'
import { DEFAULT_LIMITS } from '../../src/pac-engine/limits.ts'
import { getThrough } from '../fixtures/clients.ts'
import { everythingIsLoopback, startTestGateway } from '../fixtures/gateway.ts'
import { until } from '../fixtures/until.ts'

/** Milliseconds by which only this limit is known. */
const DECISION_MS = 123_456
/** A name's own limits, which a machine that stands still for seconds would reach before the test has gone on. */
const NAME_MS: readonly number[] = [DEFAULT_LIMITS.dnsNameMs, DEFAULT_LIMITS.dnsTurnMs]

/** The machine's clock, but for the limit of decisions, which is over when the test says so, and for those of names, which are far away. */
function clockWithHeldLimit(): { clock: Clock; pass(): void } {
  let ahead = 0
  const limits = new Set<() => void>()
  const clock: Clock = {
    wall: systemClock.wall,
    monotonic: () => systemClock.monotonic() + ahead,
    after(ms, task) {
      if (ms !== DECISION_MS) return systemClock.after(NAME_MS.includes(ms) ? 20 * ms : ms, task)
      limits.add(task)
      return () => void limits.delete(task)
    },
  }
  return {
    clock,
    pass() {
      ahead += DECISION_MS
      for (const limit of limits) limit()
    },
  }
}

async function targetOf(t: Test) {
  const target = createServer((_, response) => response.end('reached'))
  target.listen(0, '127.0.0.1')
  await once(target, 'listening')
  t.teardown(() => target.close())
  return `http://a.test:${(target.address() as AddressInfo).port}/`
}

t.test('a script that waits for a name for longer than timeouts.decision: onPacFailure says what then', async (t) => {
  const url = await targetOf(t)
  for (const [onPacFailure, status] of [
    ['direct', 200],
    ['block', 503],
  ] as const) {
    const embeddedPac = 'function FindProxyForURL() { return isResolvable("vpn.test") ? "PROXY vpn.test:1" : "DIRECT" }'
    const settings = { proxy: { embeddedPac, onPacFailure }, timeouts: { decision: `${DECISION_MS}ms` } }
    const { clock, pass } = clockWithHeldLimit()
    let asked = false
    const { port, flowCount } = await startTestGateway(t, settings, {
      clock,
      resolver: {
        resolve(name, ...rest) {
          if (name !== 'vpn.test') return everythingIsLoopback.resolve(name, ...rest)
          asked = true
          return new Promise(() => {})
        },
      },
    })
    const answered = getThrough(port, url)
    await until('the name is asked for', () => asked)
    pass()
    t.equal((await answered).status, status, onPacFailure)
    const [flow] = await flowCount(1)
    const detail = /has not decided within 123\.456 s \(timeouts\.decision\); it waited for names that do not resolve/
    t.match(flow, { because: { source: 'pac-failure', detail } })
    t.equal(flow?.error?.code, status === 200 ? undefined : 'PAC_FAILED')
  }
})

t.test('a script that others do not let begin: there is no way by it, whatever onPacFailure says', async (t) => {
  const url = await targetOf(t)
  const embeddedPac = 'function FindProxyForURL(url, host) { dnsResolve(host); return "PROXY 127.0.0.1:9" }'
  const settings = {
    proxy: { embeddedPac, onPacFailure: 'direct' },
    timeouts: { decision: `${DECISION_MS}ms` },
  }
  const { clock, pass } = clockWithHeldLimit()
  let queued = false
  const { port, flowCount } = await startTestGateway(t, settings, {
    clock,
    resolver: {
      resolve(_name, _signal, options) {
        options?.progress?.queued()
        queued = true
        return new Promise(() => {})
      },
    },
  })
  const answered = getThrough(port, url)
  await until('the name is asked for', () => queued)
  pass()
  t.equal((await answered).status, 503)
  const [flow] = await flowCount(1)
  t.match(flow?.error, { code: 'LIMIT_REACHED', message: /waited behind others/ })
})
