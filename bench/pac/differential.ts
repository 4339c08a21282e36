/**
 * The conformance rows, put to this engine, to pac-resolver as it comes and to pactester (Debian: libpacparser1), and where they part:
 *   PACTESTER=/usr/bin/pactester node bench/pac/run.mjs differential [--all]
 * Without `--all` differences are counted by their reason; with it each row is shown. A row that parts for no known reason makes it fail.
 */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SHARE_ENV, Worker } from 'node:worker_threads'
import { PacEvaluator } from '../../src/pac-engine/pac-evaluator.ts'
import { CASE_FILES, type ExpressionCase, readCases, scriptFor } from '../../test/conformance/pac/read-cases.ts'
import type { ResolverRow } from './pac-resolver-rows.ts'

const SHOW_ALL = process.argv.includes('--all')
const PACTESTER = process.env['PACTESTER'] ?? 'pactester'

/** Why the others answer otherwise; the first that fits. `docs/pac.md` has the same list in words. */
const REASONS: readonly [who: 'pac-resolver' | 'pactester', pattern: RegExp, reason: string][] = [
  [
    'pac-resolver',
    /Ex\(|sortIpAddressList|getClientVersion|isValidIpAddress|convert_addr|wdays|months/,
    'has no such function',
  ],
  ['pac-resolver', /dateRange/, 'dateRange is a stub'],
  ['pac-resolver', /timeRange/, 'timeRange of its own: no wrap over midnight, other ends, no exception'],
  ['pac-resolver', /weekdayRange/, 'weekdayRange of its own: unknown or missing names'],
  [
    'pac-resolver',
    /shExpMatch/,
    'shExpMatch is a regular expression with only . ? * escaped, and takes anything for text',
  ],
  ['pac-resolver', /isPlainHostName/, 'isPlainHostName looks for a dot only'],
  [
    'pac-resolver',
    /isInNet/,
    'isInNet by the netmask package: takes other spellings, throws on bad ones, resolves before it looks',
  ],
  ['pac-resolver', /dnsResolve|isResolvable|myIpAddress/, 'resolves by itself: the row\u2019s table does not reach it'],
  ['pac-resolver', /dnsDomainIs|localHostOrDomainIs|dnsDomainLevels/, 'converts arguments that browsers refuse'],
  ['pactester', /isValidIpAddress|getClientVersion|convert_addr/, 'has no such function'],
  ['pactester', /sortIpAddressList|isInNetEx/, 'has no such function, or answers otherwise for bad arguments'],
  [
    'pactester',
    /Ex\(|dnsResolve|isResolvable|myIpAddress|isInNet/,
    'resolves by itself: the row\u2019s table does not reach it',
  ],
  ['pactester', /shExpMatch/, 'shExpMatch is a regular expression with only . ? * escaped'],
  ['pactester', /dateRange/, 'dateRange sets fields of a Date: months run over, GMT compares two days'],
  ['pactester', /timeRange/, 'timeRange sets fields of a Date: GMT compares two days'],
  ['pactester', /weekdayRange/, 'weekdayRange does not wrap over the weekend'],
  ['pactester', /isPlainHostName/, 'isPlainHostName looks for a dot only'],
  ['pactester', /dnsDomainIs/, 'Mozilla\u2019s older dnsDomainIs'],
]

/** Milliseconds for one row of another implementation: they have no limit of their own. */
const ROW_MS = 3_000

/** pactester's SpiderMonkey is older than JSON. */
const JSON_FOR_OLD_ENGINES = `var JSON = { stringify: function (v) { return typeof v === 'string' ? '"' + v + '"' : String(v) } };\n`

const folder = mkdtempSync(join(tmpdir(), 'fairlead-differential-'))
const evaluator = new PacEvaluator({ resolver: { resolve: () => Promise.reject(new Error('the table only')) } })
const counts = new Map<string, number>()
let resolver: Worker | undefined
let rows = 0
let unexplained = 0
for (const file of CASE_FILES) {
  for (const row of readCases(file)) {
    if (row.tz !== process.env['TZ']) {
      process.env['TZ'] = row.tz
      await evaluator.close()
      await endResolver()
    }
    rows++
    const ours = await fairlead(row)
    if (ours !== row.expected) throw new Error(`${row.where}: this engine answers ${ours}, expected ${row.expected}`)
    compare('pac-resolver', row, ours, await pacResolver(row))
    compare('pactester', row, ours, pactester(row))
  }
}
await evaluator.close()
await endResolver()
rmSync(folder, { recursive: true })
console.log(`${rows} rows`)
for (const [what, count] of [...counts].sort((a, b) => b[1] - a[1]))
  console.log(`${String(count).padStart(5)}  ${what}`)
if (unexplained > 0) process.exitCode = 1

function compare(who: 'pac-resolver' | 'pactester', row: ExpressionCase, ours: string, theirs: string): void {
  if (theirs === ours) {
    count(`${who}: the same`)
    return
  }
  const reason = REASONS.find(([whom, pattern]) => whom === who && pattern.test(row.expression))?.[2]
  if (!reason) unexplained++
  count(`${who}: ${reason ?? 'NO KNOWN REASON'}`)
  if (SHOW_ALL || !reason) console.log(`${row.where}  ${row.expression}\n    fairlead ${ours}\n    ${who} ${theirs}`)
}

function count(what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1)
}

async function fairlead({ expression, dns, myIp, now, where }: ExpressionCase): Promise<string> {
  const query = { url: 'http://www.example.com/', host: 'www.example.com' }
  const { result } = await evaluator.evaluate({
    script: scriptFor(expression),
    origin: where,
    ...query,
    dns,
    myIp,
    now,
  })
  return result
}

async function pacResolver({ expression, now }: ExpressionCase): Promise<string> {
  resolver ??= new Worker(new URL('./pac-resolver-rows.js', import.meta.url), { env: SHARE_ENV })
  const answers = once(resolver, 'message', { signal: AbortSignal.timeout(ROW_MS) })
  resolver.postMessage({ script: scriptFor(expression), now } satisfies ResolverRow)
  try {
    const [answer] = await answers
    return String(answer)
  } catch (error) {
    await endResolver()
    if (error instanceof Error && error.name === 'AbortError') return 'fails: no end'
    throw error
  }
}

async function endResolver(): Promise<void> {
  await resolver?.terminate()
  resolver = undefined
}

/** The time is put in by replacing Date in the script, which its functions use. */
function pactester({ expression, now, tz }: ExpressionCase): string {
  const path = join(folder, 'row.pac')
  const clock = `var Real = Date; Date = function (y, m, d, h, i, s) { return arguments.length ? new Real(y, m, d, h, i, s) : new Real(${now}) };\n`
  writeFileSync(path, clock + JSON_FOR_OLD_ENGINES + scriptFor(expression))
  const args = ['-p', path, '-u', 'http://www.example.com/', '-h', 'www.example.com', '-c', '127.0.0.1']
  const ran = spawnSync(PACTESTER, args, {
    encoding: 'utf8',
    timeout: ROW_MS,
    killSignal: 'SIGKILL',
    env: { ...process.env, TZ: tz },
  })
  if (ran.error && 'code' in ran.error && ran.error.code === 'ETIMEDOUT') return 'fails: no end'
  if (ran.error)
    throw new Error(`cannot run ${PACTESTER}: ${ran.error.message}. Install libpacparser1, or set PACTESTER.`)
  return ran.status === 0 ? ran.stdout.trim() : `fails: ${ran.stderr.trim().split('\n')[0]}`
}
