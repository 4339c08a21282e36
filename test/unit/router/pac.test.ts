import { test } from 'tap'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { describeChain } from '../../../src/router/decision.ts'
import { decideByPac } from '../../../src/router/pac.ts'
import { fakePacEngine } from '../../fixtures/fake-pac-engine.ts'
import { queryFor } from '../../fixtures/route-query.ts'

const query = queryFor('https://a.example')
const never = new AbortController().signal
const policy = (answer: () => string | Promise<string>, onFailure: 'block' | 'direct' = 'block') => ({
  engine: fakePacEngine(answer),
  label: 'proxy.pac',
  onFailure,
})

test('answers become candidates', async (t) => {
  const rows: [answer: string, decision: string, ways: string[], detail?: RegExp][] = [
    ['DIRECT', 'direct', ['direct']],
    ['PROXY p:1', 'proxy', ['http://p:1']],
    ['PROXY p:1; SOCKS5 s; DIRECT', 'proxy', ['http://p:1', 'socks5://s:1080', 'direct']],
    ['DIRECT; PROXY p:1', 'direct', ['direct', 'http://p:1']],
    ['FOO x; PROXY p:1', 'proxy', ['http://p:1'], /of which 1 made no sense/],
  ]
  for (const [answer, decision, ways, detail] of rows) {
    const decided = await decideByPac(
      policy(() => answer),
      query,
      never,
    )
    t.equal(decided.decision, decision, answer)
    t.same(
      decided.candidates.map(({ hops }) => describeChain(hops)),
      ways,
      answer,
    )
    t.equal(decided.because.source, 'pac')
    t.ok(decided.because.detail.includes(`PAC proxy.pac answered "${answer}"`), decided.because.detail)
    if (detail) t.match(decided.because.detail, detail)
  }
})

test('who is refused is told what to do where the engine knows it', async (t) => {
  const hint = "Add the issuer's certificate (PEM) to trust.ca"
  const failing = () => {
    throw new GatewayError('PAC_FAILED', 'cannot fetch', { hint })
  }
  t.equal((await decideByPac(policy(failing), query, never)).hint, hint)
  t.equal((await decideByPac(policy(failing, 'direct'), query, never)).hint, undefined, 'it goes out')
  t.equal(
    (
      await decideByPac(
        policy(() => 'rubbish'),
        query,
        never,
      )
    ).hint,
    undefined,
  )
})

test('a failed script is never silently direct', async (t) => {
  const broken = () => {
    throw new GatewayError('PAC_FAILED', 'proxy.pac threw at line 3, column 7')
  }
  const rows: [answer: () => string, detail: RegExp][] = [
    [broken, /threw at line 3, column 7/],
    [() => '', /answered "", which names no way out/],
    [() => 'rubbish\r\n', /answered "rubbish\\u\{d\}\\u\{a\}", which names no way out/],
    [() => 'PROXY user:hunter2@p:1', /answered "PROXY \*\*\*@p:1", which names no way out \("\*\*\*@p:1": /],
  ]
  for (const [answer, detail] of rows) {
    const blocked = await decideByPac(policy(answer), query, never)
    t.same([blocked.decision, blocked.candidates, blocked.because.source], ['reject', [], 'pac-failure'])
    t.match(blocked.because.detail, detail)
    const direct = await decideByPac(policy(answer, 'direct'), query, never)
    t.same([direct.decision, direct.candidates, direct.because.source], ['direct', [{ hops: [] }], 'pac-failure'])
    t.match(direct.because.detail, /onPacFailure is direct/)
  }
})

test('a URL’s query is shown to nobody who did not type it', async (t) => {
  const engine = {
    async find({ url }: { readonly url: string }) {
      const token = url.slice(url.indexOf('token='))
      const result = url.includes('junk') ? `${url}; FOO ${token}` : `PROXY x-${token.slice(6)}:80; PROXY ${token}:1`
      return { result, trace: { source: 'proxy.pac', sha256: '', cached: false, milliseconds: 1, calls: [] } }
    },
    async close() {},
  }
  const decide = (url: string, trace: boolean) =>
    decideByPac({ engine, label: 'proxy.pac', onFailure: 'block' }, { ...queryFor(url), trace }, never)
  for (const kind of ['junk', 'good']) {
    const url = `http://a.example/${kind}?token=S3cr3t-Value`
    const shown = async (trace: boolean) => {
      const { because, pac } = await decide(url, trace)
      return JSON.stringify([because, pac])
    }
    t.notMatch(await shown(false), /s3cr3t/i, kind)
    t.match(await shown(false), /PROXY|a\.example\/junk\?…/, kind)
    t.match(await shown(true), /s3cr3t/i, 'who asks typed it')
  }
  const { candidates, pac } = await decide('http://a.example/good?token=S3cr3t-Value', false)
  t.match(candidates, [{ hops: [{ host: 'x-s3cr3t-value' }] }], 'it is gone to all the same')
  t.match(pac, { answer: '"PROXY x-…:80; PROXY …:1"', understood: ['http://x-…:80'] })
})

test('a script that has not decided in time has failed', async (t) => {
  const late = new GatewayError('PAC_FAILED', 'the PAC script has not decided within 10 s')
  for (const [onFailure, decision] of [
    ['block', 'reject'],
    ['direct', 'direct'],
  ] as const) {
    const abort = new AbortController()
    const waiting = () => {
      abort.abort(late)
      throw late
    }
    const decided = await decideByPac(policy(waiting, onFailure), query, abort.signal)
    t.match(decided, { decision, because: { source: 'pac-failure', detail: /has not decided within 10 s/ } })
  }
})

test('one that had no turn in its time has not failed', async (t) => {
  const abort = new AbortController()
  const waiting = () => {
    abort.abort(new GatewayError('PAC_FAILED', 'the PAC script has not decided within 10 s'))
    throw new GatewayError('LIMIT_REACHED', 'it waited behind others')
  }
  await t.rejects(decideByPac(policy(waiting, 'direct'), query, abort.signal), { code: 'LIMIT_REACHED' })
})

test('aborts and internal faults are thrown', async (t) => {
  const reason = new GatewayError('CLIENT_GONE', 'the client has gone')
  const abort = new AbortController()
  const aborting = () => {
    abort.abort(reason)
    throw new GatewayError('PAC_FAILED', 'stopped')
  }
  await t.rejects(decideByPac(policy(aborting, 'direct'), query, abort.signal), reason)
  const fault = () => {
    throw new TypeError('a fault of ours')
  }
  await t.rejects(decideByPac(policy(fault, 'direct'), query, never), { message: 'a fault of ours' })
  const busy = () => {
    throw new GatewayError('LIMIT_REACHED', 'too many decisions at once')
  }
  await t.rejects(decideByPac(policy(busy, 'direct'), query, never), { code: 'LIMIT_REACHED' })
})
