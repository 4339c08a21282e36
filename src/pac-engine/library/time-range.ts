/**
 * `timeRange(…)`: an hour; from hour to hour, the last one whole; hour and minute; hour, minute and second; `"GMT"` last. As in Chromium the form
 * with two hours does not wrap over midnight and the longer ones do.
 */
export const timeRange = `
function timeRange() {
  let argc = arguments.length
  if (argc < 1) return false
  const gmt = arguments[argc - 1] == 'GMT'
  if (gmt) argc--
  const answer = inTimeRange(arguments, argc, now(gmt))
  if (room > 0) note('timeRange', arguments, answer)
  return answer
}

function inTimeRange(args, argc, { hour, minute, second }) {
  if (argc === 1) return hour == args[0]
  if (argc === 2) return args[0] <= hour && hour <= args[1]
  let from, to, present
  if (argc === 4) {
    from = args[0] * 60 + +args[1]
    to = args[2] * 60 + +args[3]
    present = hour * 60 + minute
  } else if (argc === 6) {
    from = args[0] * 3600 + args[1] * 60 + +args[2]
    to = args[3] * 3600 + args[4] * 60 + +args[5]
    present = hour * 3600 + minute * 60 + second
  } else throw 'timeRange: bad number of arguments'
  return from <= to ? from <= present && present <= to : to >= present || present >= from
}
`
