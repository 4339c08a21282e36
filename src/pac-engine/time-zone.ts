/** The names of Universal Time that are none of a zone (IANA tz database, `etcetera` and `backward`). */
const UNIVERSAL = /^:?(?:Etc\/)?(?:UTC|UCT|GMT|Zulu|Universal|Greenwich)?(?:[+-]?0)?$/i

/** A file of a zone, `/usr/share/zoneinfo/Europe/Berlin`: which name it is. */
const FILE = /^:?\/(?:.*\/zoneinfo\/(?:posix\/|right\/)?)?(?<name>.*)$/

/**
 * What to tell whoever has set a time zone that is not understood, undefined where all is well. Node reads names such as `Europe/Berlin` and fixed offsets such as `CET-1`; of a
 * POSIX rule with summer time (`CET-1CEST,M3.5.0,M10.5.0/3`), and of a name that does not exist, it silently makes UTC; of a file, its zone without summer time.
 */
export function timeZoneWarning(
  tz: string | undefined,
  { zone, offsetMinutes }: { readonly zone: string | undefined; readonly offsetMinutes: number },
): string | undefined {
  const name = tz === undefined ? undefined : FILE.exec(tz)?.groups?.name
  if (tz !== undefined && name !== undefined) {
    if (UNIVERSAL.test(name)) return undefined
    const instead = /^[\w+-]+(?:\/[\w+-]+)+$/.test(name) ? name : 'Europe/Berlin'
    return `TZ is ${JSON.stringify(tz.slice(0, 60))}, a file: dateRange, timeRange and weekdayRange know no summer time. Write a name such as ${instead}`
  }
  if (tz === undefined || offsetMinutes !== 0 || UNIVERSAL.test(tz)) return undefined
  if (zone !== undefined && !/^(?:UTC|Etc\/Unknown)$/.test(zone)) return undefined
  const shown = JSON.stringify(tz.slice(0, 60))
  return `TZ is ${shown}, which is not understood: dateRange, timeRange and weekdayRange go by UTC. Write a name such as Europe/Berlin`
}

/** Of this process. */
export function zoneInUse(): { zone: string | undefined; offsetMinutes: number } {
  const january = new Date(2026, 0, 1).getTimezoneOffset()
  return {
    zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    offsetMinutes: january === 0 ? new Date(2026, 6, 1).getTimezoneOffset() : january,
  }
}
