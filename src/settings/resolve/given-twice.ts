import { formatListenAddress, type ListenAddress } from '../../wire/listen-address.ts'
import type { KeyPath } from '../key-path.ts'
import type { ResolveContext } from './context.ts'

/** Refuses an address that another door of `taken` has. `path` is the door's. Port 0 is another one each time. */
export function checkTwice(
  address: ListenAddress,
  path: KeyPath,
  taken: Map<string, string>,
  context: ResolveContext,
): void {
  if (address.kind === 'tcp' && address.port === 0) return
  const name = formatListenAddress(address)
  const other = taken.get(name)
  if (other !== undefined) {
    context.problem([...path, 'address'], {
      message: `${name} is given twice, here and at ${other}`,
      expected: 'one door for each address',
    })
  }
  taken.set(name, `${String(path[0])}.${String(path[1])}[${String(path[2])}]`)
}
