/** Labels of one container: compose gives a dozen, orchestrators some dozens. */
const MAX_LABELS = 256
/** Characters of a label's name and of its value; a policy compares them, and the log may show them. */
const MAX_LABEL_NAME = 255
const MAX_LABEL_VALUE = 4096

/** Labels by name, in an object without a prototype: a label may be called `__proto__`. Those that are too long are left out. */
export function readLabels(answer: unknown): Readonly<Record<string, string>> {
  const labels: Record<string, string> = Object.create(null)
  if (typeof answer !== 'object' || answer === null) return labels
  let count = 0
  for (const [name, value] of Object.entries(answer)) {
    if (typeof value !== 'string' || name.length > MAX_LABEL_NAME || value.length > MAX_LABEL_VALUE) continue
    labels[name] = value
    if (++count === MAX_LABELS) break
  }
  return labels
}
