/**
 * Everything that an image can be called in a rule: its reference, with and without tag and digest, and of Docker Hub's images each way of writing the
 * registry. By the rules of docker's references (distribution/reference, `ParseNormalizedNamed` and `TagNameOnly`): what stands before the first slash is
 * a registry if it has a dot, a colon or a capital letter, or is `localhost`; without one it is `docker.io`, of which `index.docker.io` is the old name and
 * whose own images are in `library`; without tag and digest it is `latest`.
 */
export function imageNames(image: string): string[] {
  // An image by its id has no other name.
  if (/^(?:sha256:)?[0-9a-f]{64}$/.test(image)) return [image]
  const [, named = image, digest = ''] = /^([^@]*)(@.*)?$/s.exec(image) ?? []
  const [, path = named, tag = digest ? '' : ':latest'] = /^(.*?)(:[^:/]*)?$/s.exec(named) ?? []
  const endings = new Set([tag + digest, digest, tag, ''])
  return [image, ...spellings(path).flatMap((one) => [...endings].map((ending) => one + ending))]
}

const HUB = ['docker.io/', 'index.docker.io/', ''] as const
const OWN = 'library/'

function spellings(path: string): string[] {
  const slash = path.indexOf('/')
  const first = path.slice(0, Math.max(slash, 0))
  const isRegistry = /[.:A-Z]/.test(first) || first === 'localhost'
  if (isRegistry && first !== 'docker.io' && first !== 'index.docker.io') return [path]
  const ofHub = isRegistry ? path.slice(slash + 1) : path
  const own = ofHub.startsWith(OWN) && ofHub.indexOf('/', OWN.length) < 0 ? ofHub.slice(OWN.length) : ofHub
  const names = own.includes('/') ? [own] : [OWN + own, own]
  return names.flatMap((name) => HUB.map((registry) => registry + name))
}
