import { test } from 'tap'
import { describeChain } from '../../../src/router/decision.ts'
import { stopAtRejectName } from '../../../src/router/reject-names.ts'
import { parsePacResult } from '../../../src/wire/pac-result.ts'

test('reject names', async (t) => {
  const rows: [answer: string, decision: string, ways: string[]][] = [
    ['PROXY reject.docker.internal:1', 'reject', []],
    ['PROXY reject.docker.internal:65535; DIRECT', 'reject', []],
    ['PROXY reject.fairlead.internal', 'reject', []],
    ['PROXY REJECT.Docker.Internal.:80', 'reject', []],
    ['SOCKS5 reject.fairlead.internal:80', 'reject', []],
    ['PROXY p:1; PROXY reject.docker.internal:1', 'proxy', ['http://p:1']],
    ['PROXY p:1; PROXY reject.docker.internal:1; DIRECT', 'proxy', ['http://p:1']],
    ['DIRECT; PROXY reject.docker.internal:1; PROXY p:1', 'direct', ['direct']],
    ['PROXY p:1; DIRECT', 'proxy', ['http://p:1', 'direct']],
    ['PROXY xreject.docker.internal:1', 'proxy', ['http://xreject.docker.internal:1']],
  ]
  for (const [answer, decision, ways] of rows) {
    const { candidates } = parsePacResult(answer)
    const before = {
      decision: candidates[0]!.hops.length > 0 ? 'proxy' : 'direct',
      candidates,
      because: { source: 'pac', detail: 'x' },
    } as const
    const after = stopAtRejectName(before)
    t.equal(after.decision, decision, answer)
    t.same(
      after.candidates.map(({ hops }) => describeChain(hops)),
      ways,
      answer,
    )
    t.equal(after.because.source, decision === 'reject' ? 'reject-name' : 'pac', answer)
  }
})

test('how the script came to it stays with the rejection', async (t) => {
  const pac = { source: 'x.pac', sha256: 'f00', cached: false, milliseconds: 1, calls: [] }
  const { candidates } = parsePacResult('PROXY reject.docker.internal:1')
  const before = { decision: 'proxy', candidates, because: { source: 'pac', detail: 'x' }, pac } as const
  t.same(stopAtRejectName(before).pac, pac)
})
