import t from 'tap'
import { PacEvaluator } from '../../../src/pac-engine/pac-evaluator.ts'
import { tableResolver } from './engine-under-test.ts'

/** Runs in here, which is V8, and in the virtual machine. */
const PROGRAM = `
  var state = 7
  function chance(n) { state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff; return (state >> 8) % n }
  function compare(kind) {
    return [
      function (a, b) { return a < b }, function (a, b) { return a > b }, function () { return chance(3) - 1 }, function () { return NaN },
      function (a, b) { return (a % 5) - (b % 5) }, function (a, b) { return String(b - a) }, function (a, b) { return a > b ? 1 : -1 }, function () { return -1 },
    ][kind]
  }
  var lines = []
  for (var round = 0; round < 400; round++) {
    var list = []
    for (var i = chance(64); i > 0; i--) list.push(chance(20) === 0 ? undefined : chance(50))
    lines.push(list.sort(compare(round % 8)).join())
  }
  var holes = [3, , 1, undefined, 2]
  lines.push(Object.keys(holes.sort(function (a, b) { return a - b })).join() + holes.join())
  lines.push([10, 9, 1].sort().join() + [3, 1, 2].sort(undefined).join())
  lines.push([].sort(compare(0)).length + [1].sort(compare(0)).join() + Array.prototype.sort.length + Array.prototype.sort.name)
  lines.push(Object.keys(Array.prototype).length)
  var kept = [3, 1, 2]
  try { kept.sort(function (a, b) { if (b === 1) throw "stop"; return a - b }) } catch (error) { lines.push(error + kept) }
  try { [1, 2].sort(1) } catch (error) { lines.push(error.name) }
  try { [1, 2].sort(function () { return 1n }) } catch (error) { lines.push(error.name) }
  try { Object.freeze([2, 1]).sort(function (a, b) { return a - b }) } catch (error) { lines.push(error.name) }
  var like = { 0: 2, 1: 1, length: 2 }
  Array.prototype.sort.call(like, function (a, b) { return a - b })
  lines.push(like[0] + "," + like[1])
  var all = lines.join("\\n")`

t.test('sort with any function, even one that is no order, does what V8 does', async (t) => {
  const evaluator = new PacEvaluator({ resolver: tableResolver({}), limits: { loadMs: 60_000, evaluateMs: 60_000 } })
  t.teardown(() => evaluator.close())
  const script = `${PROGRAM}; function FindProxyForURL() { return all }`
  const { result } = await evaluator.evaluate({ script, origin: 'test', url: 'http://a/', host: 'a' })
  t.same(result.split('\n'), (new Function(`${PROGRAM}; return all`)() as string).split('\n'))
})
