/**
 * Local times as instants, ECMA-262 §21.4.1.26. QuickJS takes the zone's offset at the local time read as if it were UTC, and is an hour wrong for hours before and
 * after a change of summer time. So `Date` with fields or a text, and the setters of local fields, are made of their UTC counterparts here.
 */
export const localDate = `
const DAY_MS = 86400000
const { UTC: utcOf, parse: parseDate } = DateClass
const { getTime, setTime, getTimezoneOffset } = DateClass.prototype
const construct = Reflect.construct

// How much later UTC is than local time at an instant, in milliseconds.
function offsetAt(instant) {
  return apply(getTimezoneOffset, new DateClass(instant), []) * 60000
}

// A time that a change skips or repeats is read by the offset before it.
function instantOf(local) {
  const before = offsetAt(local - DAY_MS)
  const instant = local + before
  if (offsetAt(instant) === before) return instant
  const after = offsetAt(local + DAY_MS)
  if (offsetAt(local + after) === after) return local + after
  // At the ends of time there is no day before or after.
  return isNaN(instant) ? local + offsetAt(local) : instant
}

// What says a zone in a text that is a date, by a name or by a difference behind the time. What stands in brackets is a remark.
const { exec } = RegExp.prototype
const ZONE = /:.*[+-]\\s*\\d|(?:^|[^a-z(])(?:z|utc?|gmt|[a-z]{1,2}[sd]t|[cew]es?t)(?![a-z])/i

// Characters that QuickJS reads of a date.
const MAX_DATE = 128

// A text is local where it says no zone: then one can be put behind it, and it was read as such.
function instantIn(text) {
  const instant = parseDate(text)
  if (isNaN(instant) || apply(exec, ZONE, [cut(text, 0, MAX_DATE)]) !== null) return instant
  let local = parseDate(text + 'Z')
  if (isNaN(local)) local = parseDate(text + ' GMT')
  return instant === local + offsetAt(local) ? instantOf(local) : instant
}

function numbersOf(values) {
  const numbers = bare()
  for (let i = 0; i < values.length && i < 7; i++) numbers[i] = +values[i]
  return numbers
}

function localDateOf() {
  if (new.target === undefined) return DateClass()
  const value = arguments[0]
  if (arguments.length < 2) return construct(DateClass, typeof value === 'string' ? [instantIn(value)] : arguments, new.target)
  return construct(DateClass, [instantOf(apply(utcOf, undefined, numbersOf(arguments)))], new.target)
}

function hidden(object, name, value) {
  Object.defineProperty(object, name, { value, writable: true, enumerable: false, configurable: true })
}

Object.defineProperty(localDateOf, 'name', { value: 'Date' })
Object.defineProperty(localDateOf, 'length', { value: 7 })
Object.defineProperty(localDateOf, 'prototype', { value: DateClass.prototype, writable: false })
for (const [name, value] of [['UTC', utcOf], ['now', DateClass.now], ['parse', { parse: (string) => instantIn(text(string)) }.parse]]) hidden(localDateOf, name, value)
hidden(DateClass.prototype, 'constructor', localDateOf)
hidden(global, 'Date', localDateOf)

for (const part of ['Milliseconds', 'Seconds', 'Minutes', 'Hours', 'Date', 'Month', 'FullYear']) {
  const [name, setUTC] = ['set' + part, DateClass.prototype['setUTC' + part]]
  const setter = {
    [name]() {
      const time = apply(getTime, this, [])
      const wall = new DateClass(time - offsetAt(time))
      apply(setUTC, wall, numbersOf(arguments))
      return apply(setTime, this, [instantOf(apply(getTime, wall, []))])
    },
  }[name]
  Object.defineProperty(setter, 'length', { value: setUTC.length })
  hidden(DateClass.prototype, name, setter)
}
`
