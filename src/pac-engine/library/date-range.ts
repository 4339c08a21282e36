/**
 * `dateRange(…)`: a day, a month or a year, or from and to of one, two or all three of them, `"GMT"` last. Both ends are included; a range whose
 * end comes before its start wraps. What is left out is the first or last of the year; two days alone are days of this month.
 * Browsers count by setting fields of a Date, where "31 of February" becomes March: here a month ends where the calendar ends it.
 */
export const dateRange = `
const months = { JAN: 0, FEB: 1, MAR: 2, APR: 3, MAY: 4, JUN: 5, JUL: 6, AUG: 7, SEP: 8, OCT: 9, NOV: 10, DEC: 11 }

function dateRange() {
  let argc = arguments.length
  if (argc < 1) return false
  const gmt = arguments[argc - 1] == 'GMT'
  if (gmt) argc--
  const answer = inDateRange(arguments, argc, now(gmt))
  if (room > 0) note('dateRange', arguments, answer)
  return answer
}

function inDateRange(args, argc, today) {
  if (argc === 1) {
    const number = int(args[0])
    if (isNaN(number)) return today.month === monthOf(args[0])
    return number < 32 ? today.day === number : today.year === number
  }
  const half = argc >> 1
  const from = { year: today.year, month: 0, day: 1 }
  const to = { year: today.year, month: 11, day: 31 }
  let dayAlone = setDateFields(from, args, 0, half)
  setDateFields(to, args, half, argc)
  if (dayAlone && argc <= 2) from.month = to.month = today.month
  const a = dayNumber(from), b = dayNumber(to), x = dayNumber(today)
  return a <= b ? a <= x && x <= b : b >= x || x >= a
}

// True when a day of the month was among them.
function setDateFields(fields, args, from, to) {
  let day = false
  for (let i = from; i < to; i++) {
    const number = int(args[i])
    if (isNaN(number)) fields.month = monthOf(args[i])
    else if (number < 32) { fields.day = number; day = true }
    else fields.year = number
  }
  return day
}

// Orders dates; need not be consecutive.
function dayNumber({ year, month, day }) {
  return (year * 16 + month) * 64 + day
}

// As in browsers, in the global table, which may be the script's own.
function monthOf(name) {
  return name in global.months ? global.months[name] : -1
}
`
