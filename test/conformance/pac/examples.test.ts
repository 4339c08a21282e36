import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'tap'
import { asBrowserSees } from '../../../src/pac-engine/browser-url.ts'
import { PacEvaluator } from '../../../src/pac-engine/pac-evaluator.ts'
import { parsePacResult } from '../../../src/wire/pac-result.ts'

const DIRECTORY = new URL('../../../pac/examples/', import.meta.url)
const dns = new Map([
  ['old.example', ['10.99.7.7']],
  ['www.example.org', ['192.0.2.80']],
])

/** The rows of the table in a file's head: cells apart by two blanks or more. */
function tableOf(script: string): Record<string, string>[] {
  const lines = script.split('\n').filter((line) => line.startsWith('//   '))
  const [head, ...rows] = lines.map((line) => line.slice(5).split(/ {2,}/))
  return rows.map((cells) => Object.fromEntries((head ?? []).map((name, index) => [name, cells[index] ?? ''])))
}

for (const file of readdirSync(DIRECTORY)) {
  test(file, async (t) => {
    const script = readFileSync(new URL(file, DIRECTORY), 'utf8')
    const evaluator = new PacEvaluator({ resolver: { resolve: () => Promise.reject(new Error('no others')) } })
    t.teardown(() => evaluator.close())
    const rows = tableOf(script)
    t.ok(rows.length >= 5, 'a table of some length')
    for (const { url = '', at = '192.0.2.1', now, answer } of rows) {
      const query = asBrowserSees(url)
      if (!query) throw new Error(`${url} is no URL`)
      const time = now === undefined ? {} : { now: Date.parse(now) }
      const { result } = await evaluator.evaluate({ script, origin: file, ...query, dns, myIp: [at], ...time })
      t.equal(result, answer, `${url} ${at} ${now ?? ''}`)
      t.strictSame(parsePacResult(result).skipped, [], 'every entry is understood')
    }
  })
}
