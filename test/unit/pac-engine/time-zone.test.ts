import t from 'tap'
import { timeZoneWarning, zoneInUse } from '../../../src/pac-engine/time-zone.ts'

t.test('a TZ that becomes UTC unasked is said so', (t) => {
  const utc = { zone: 'UTC', offsetMinutes: 0 }
  const none = { zone: undefined, offsetMinutes: 0 }
  for (const [tz, seen, warned] of [
    [undefined, utc, false],
    ['', { zone: 'Etc/Unknown', offsetMinutes: 0 }, false],
    ['UTC', utc, false],
    [':UTC', utc, false],
    ['UTC0', none, false],
    ['GMT0', utc, false],
    ['Etc/GMT', utc, false],
    ['Zulu', utc, false],
    ['Europe/Berlin', { zone: 'Europe/Berlin', offsetMinutes: -60 }, false],
    ['Africa/Abidjan', { zone: 'Africa/Abidjan', offsetMinutes: 0 }, false],
    ['CET-1', { zone: undefined, offsetMinutes: -60 }, false],
    ['CET-1CEST,M3.5.0,M10.5.0/3', utc, true],
    ['CET-1CEST', utc, true],
    ['Foo/Bar', none, true],
    ['/usr/share/zoneinfo/Europe/Berlin', { zone: undefined, offsetMinutes: -60 }, true],
    [':/usr/share/zoneinfo/Europe/Berlin', { zone: undefined, offsetMinutes: -60 }, true],
    ['/usr/share/zoneinfo/Etc/UTC', utc, false],
    ['/etc/localtime', { zone: undefined, offsetMinutes: -60 }, true],
  ] as const)
    t.equal(timeZoneWarning(tz, seen) !== undefined, warned, String(tz))
  t.match(timeZoneWarning('CET-1CEST', utc), /TZ is "CET-1CEST", which is not understood.*Europe\/Berlin/)
  t.match(
    timeZoneWarning(':/usr/share/zoneinfo/America/New_York', utc),
    /a file: .*no summer time\. Write a name such as America\/New_York$/,
  )
  t.type(zoneInUse().offsetMinutes, 'number')
  t.end()
})
