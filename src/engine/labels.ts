/** Characters of a label's name and of its value; a policy compares them, and the log may show them. */
const MAX_LABEL_NAME = 255
const MAX_LABEL_VALUE = 4096

export interface ReadLabels {
  /** By name, in an object without a prototype: a label may be called `__proto__`. */
  readonly labels: Readonly<Record<string, string>>
  /** As of `Container`. */
  readonly unreadLabels?: readonly string[] | 'any'
}

/** Labels as `JsonPicker` leaves them. Those that are too long are left out, and what is left out is told. */
export function readLabels(answer: unknown): ReadLabels {
  const labels: Record<string, string> = Object.create(null)
  if (typeof answer !== 'object' || answer === null) return { labels }
  const unread: string[] = []
  let isAny = false
  for (const [name, value] of Object.entries(answer)) {
    if (name.length > MAX_LABEL_NAME || (name === '' && value === null)) isAny = true
    else if (typeof value === 'string' && value.length <= MAX_LABEL_VALUE) labels[name] = value
    else unread.push(name)
  }
  return isAny ? { labels, unreadLabels: 'any' } : { labels, ...(unread.length > 0 && { unreadLabels: unread }) }
}
