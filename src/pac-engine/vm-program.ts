import { createPacResolver } from 'pac-resolver'
import type { JSValueHandle, QuickJS } from 'quickjs-wasi'
import { PAC_RESOLVER_FUNCTIONS } from './library-bytecode.ts'

/** What pac-resolver compiles instead of the user's script, which its own parser might not understand. */
const BRIDGE = `globalThis.FindProxyForURL = (function (find) {
  return function (url, host) { return find(url, host) }
})(globalThis.__find)`

export interface Program {
  /** The library's function for the host; see `library/find.ts`. */
  readonly control: JSValueHandle
  /** pac-resolver's, which calls the library's `find`. */
  readonly find: (url: URL, host: string) => Promise<unknown>
}

/** Puts the PAC functions and pac-resolver into an empty VM. `turn` is called from in there before each query; nothing that a script can reach leads to it. */
export function installProgram(vm: QuickJS, library: Uint8Array, turn: () => void): Program {
  const control = vm.evalBytecode(library)
  const inert = Object.fromEntries(PAC_RESOLVER_FUNCTIONS.map((name) => [name, () => undefined]))
  const find = createPacResolver(vm, BRIDGE, { sandbox: inert, filename: 'pac-bridge' })
  const told = vm.newFunction('turn', () => {
    turn()
    return vm.undefined
  })
  vm.callFunction(control, vm.undefined, vm.newString('seal'), told).dispose()
  return { control, find }
}
