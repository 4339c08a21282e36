import { test } from 'tap'
import { PacEvaluator } from '../../../src/pac-engine/pac-evaluator.ts'
import { CASE_FILES, readCases, scriptFor } from './read-cases.ts'

const evaluator = new PacEvaluator({
  resolver: { resolve: () => Promise.reject(new Error('the table is all there is')) },
})

for (const file of CASE_FILES) {
  test(file, async (t) => {
    const zone = process.env['TZ']
    for (const { where, source, expression, expected, dns, myIp, now, tz } of readCases(file)) {
      if (tz !== process.env['TZ']) {
        process.env['TZ'] = tz
        // A thread takes its zone along when it starts.
        await evaluator.close()
      }
      const script = scriptFor(expression)
      const request = { script, origin: where, url: 'http://www.example.com/', host: 'www.example.com', dns, myIp, now }
      const { result } = await evaluator.evaluate(request)
      t.equal(result, expected, `${where} ${expression} (${source})`)
    }
    if (zone === undefined) delete process.env['TZ']
    else process.env['TZ'] = zone
  })
}

test('there are several hundred rows', async (t) => {
  t.ok(CASE_FILES.flatMap((file) => readCases(file)).length > 400)
})
