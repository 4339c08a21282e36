/** Names that the resolver of nearly every host answers with a loopback address: RFC 6761 §6.3, and what distributions put into /etc/hosts. */
export function isLoopbackName(name: string): boolean {
  return name.endsWith('.localhost') || LOOPBACK_NAMES.has(name)
}

const LOOPBACK_NAMES: ReadonlySet<string> = new Set([
  'localhost',
  'localhost.localdomain',
  'localhost4',
  'localhost4.localdomain4',
  'localhost6',
  'localhost6.localdomain6',
  'ip6-localhost',
  'ip6-loopback',
])
