/** The clock of the date and time functions, in the process's time zone or in GMT. The host sees that it was read. */
export const now = `
function now(gmt) {
  const date = new DateClass()
  const get = (local, utc) => apply(gmt ? utc : local, date, [])
  return {
    year: get(getFullYear, getUTCFullYear),
    month: get(getMonth, getUTCMonth),
    day: get(getDate, getUTCDate),
    weekday: get(getDay, getUTCDay),
    hour: get(getHours, getUTCHours),
    minute: get(getMinutes, getUTCMinutes),
    second: get(getSeconds, getUTCSeconds),
  }
}
`
