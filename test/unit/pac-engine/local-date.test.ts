import t from 'tap'
import { DEFAULT_LIMITS } from '../../../src/pac-engine/limits.ts'
import { PacVm } from '../../../src/pac-engine/pac-vm.ts'
import { quickjsModule } from '../../../src/pac-engine/quickjs-module.ts'

// Each runs in the VM and, as a browser would, in V8; the texts are compared.

/** Every half hour of a month, made by fields, by a text and by setters, and read back. */
const HALF_HOURS = `function (year, month) {
  var sum = 0, day = new Date(year, month, 1).getDate()
  for (var i = 0; i < 31 * 48; i++) {
    var made = new Date(year, month, 1, 0, i * 30)
    var set = new Date(year, month, 1)
    set.setMinutes(i * 30)
    sum = (sum * 31 + made.getTime() / 60000 + set.getTime() / 60000 * 7 + made.getHours()) % 2147483647
  }
  return day + ' ' + sum
}`

/** The same by texts, those that say no zone and those that do. */
const TEXTS = `function (year, month) {
  var sum = 0, names = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
  function two(number) { return (number < 10 ? '0' : '') + number }
  for (var i = 0; i < 30 * 48; i++) {
    var day = two(1 + Math.floor(i / 48)), time = two(Math.floor(i % 48 / 2)) + ':' + two(i % 2 * 30), iso = year + '-' + two(month + 1) + '-' + day
    var name = names[month] + ' ' + day + ', ' + year + ' '
    var texts = [iso + 'T' + time, iso + ' ' + time, two(month + 1) + '/' + day + '/' + year + ' ' + time, name + time + ':00', 'Sat, ' + day + ' ' + names[month] + ' ' + year + ' ' + time,
      iso + 'T' + time + 'Z', iso + ' ' + time + ':00 -0700', iso + 'T' + time + '+01:00', name + time + ' GMT+0100', name + time + ' GMT', name + time + ' pdt', name + time + ' (PDT)']
    for (var j = 0; j < texts.length; j++) sum = (sum * 31 + new Date(texts[j]).getTime() / 60000) % 2147483647
  }
  return '' + sum
}`

const FORMS = `function () {
  var D = Date, out = []
  function say(date) { out.push(date instanceof D ? date.getTime() : date) }
  say(new D(2026, 9, 4)); say(new D(2026, 3, 4, 23, 30)); say(new D(2026, 2, 29, 2, 30)); say(new D(2026, 9, 25, 2, 30))
  say(new D('2026-10-04T00:00:00')); say(new D('2026-10-04')); say(new D('2026-10-04T00:00:00Z')); say(new D('2026-10-04T00:00:00+11:00'))
  say(new D('Oct 4, 2026 00:00:00')); say(D.parse('2026-04-05T02:30')); say(D.parse('nothing'))
  say(new D(99, 0)); say(new D(99, 0, 1.9)); say(new D(NaN, 1)); say(new D(undefined)); say(new D(null)); say(new D(2026, 0, undefined))
  say(new D(8.64e15)); say(new D(275760, 8, 12)); say(new D(275760, 8, 14)); say(new D(new D(5)))
  var d = new D(2026, 9, 4, 12); d.setHours(0, 0, 0, 0); say(d); d.setDate(40); say(d); d.setMonth(3, 5); say(d); d.setFullYear(2027, 9, 3); say(d)
  say(d.setSeconds(1, 2)); say(d.setMilliseconds(5)); say(d.setHours()); say(d.setMonth(1)); d = new D(NaN); say(d.setFullYear(2026)); say(d.setTime(7))
  say(D.UTC(2026, 9, 4)); say(typeof D()); say(D.length); say(D.name); say(Object.keys(D).length); say(D.prototype.constructor === D)
  say(D.prototype.setHours.length + ' ' + D.prototype.setHours.name + ' ' + D.prototype.setDate.length)
  class Own extends D { twice() { return this.getTime() * 2 } }
  say(new Own(2026, 9, 4).twice()); say(new Own(1) instanceof Own); say(Object.prototype.toString.call(new D(1)))
  try { D.prototype.setHours.call({}, 1) } catch (error) { say(error instanceof TypeError) }
  var calls = 0; new D({ valueOf: function () { calls++; return 2026 } }, 1); say(calls)
  for (var key in new D(1)) say(key)
  say(Object.getOwnPropertyDescriptor(D.prototype, 'setHours').enumerable)
  return out.join(' ')
}`

const ZONES = [
  'UTC',
  'Australia/Sydney',
  'Pacific/Auckland',
  'America/Los_Angeles',
  'Europe/Berlin',
  'Europe/London',
  'America/St_Johns',
  'Asia/Kathmandu',
]

const inV8 = (source: string, ...args: number[]): string => {
  const run = new Function(`return (${source})`)() as (...args: number[]) => string
  return run(...args)
}

t.test('local times are the instants that a browser takes them for', async (t) => {
  const before = process.env['TZ']
  // Evaluated in this thread, so that zones can change. Only the answers count, not how long they take.
  const limits = { ...DEFAULT_LIMITS, evaluateMs: 60_000 }
  const vm = new PacVm(await quickjsModule(limits.memoryPages), limits)
  t.teardown(() => {
    vm.dispose()
    if (before === undefined) delete process.env['TZ']
    else process.env['TZ'] = before
  })
  const script = `var halfHours = ${HALF_HOURS}
    var forms = ${FORMS}
    var texts = ${TEXTS}
    function FindProxyForURL(url, host) { return host === "forms" ? forms() : url.indexOf("https") === 0 ? texts(2026, +host) : halfHours(2026, +host) }`
  t.match(await vm.load(script, { now: 0, dns: [] }), { is: 'answer' })
  const ask = async (host: string, scheme = 'http') => {
    const outcome = await vm.evaluate({ url: `${scheme}://${host}:80`, host }, { now: 0, trace: false })
    return outcome.is === 'answer' ? outcome.answer : outcome
  }
  for (const zone of ZONES) {
    process.env['TZ'] = zone
    t.equal(await ask('forms'), inV8(FORMS), zone)
    for (const month of [2, 3, 8, 9, 10]) {
      t.equal(await ask(String(month)), inV8(HALF_HOURS, 2026, month), `${zone}, month ${month}`)
      t.equal(await ask(String(month), 'https'), inV8(TEXTS, 2026, month), `${zone}, month ${month}, texts`)
    }
  }
})
