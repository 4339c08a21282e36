import { clean } from './script-failure.ts'
import type { Notes } from './vm-outcome.ts'

/** What a script said by `alert`, for people. */
export function logAlerts(
  { origin, log }: { readonly origin: string; readonly log: (level: 'info' | 'warn', message: string) => void },
  { alerts, dropped }: Pick<Notes, 'alerts' | 'dropped'>,
): void {
  for (const alert of alerts) log('info', `PAC ${origin} alert: ${clean(alert)}`)
  if (dropped > 0) log('warn', `PAC ${origin}: ${dropped} more alerts are not shown`)
}
