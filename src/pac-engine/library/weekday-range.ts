/** `weekdayRange(from [, to] [, "GMT"])`: both ends included, wrapping over the weekend when `to` comes before `from`. */
export const weekdayRange = `
const wdays = { SUN: 0, MON: 1, TUE: 2, WED: 3, THU: 4, FRI: 5, SAT: 6 }

function weekdayRange() {
  let argc = arguments.length
  if (argc < 1) return false
  const gmt = arguments[argc - 1] == 'GMT'
  if (gmt) argc--
  const today = now(gmt).weekday
  const from = weekdayOf(arguments[0])
  const to = argc == 2 ? weekdayOf(arguments[1]) : from
  const answer = from === -1 || to === -1 ? false : from <= to ? from <= today && today <= to : to >= today || today >= from
  if (room > 0) note('weekdayRange', arguments, answer)
  return answer
}

// As in browsers, in the global table, which may be the script's own.
function weekdayOf(name) {
  return name in global.wdays ? global.wdays[name] : -1
}
`
