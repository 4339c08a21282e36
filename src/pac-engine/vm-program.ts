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

/**
 * Puts the PAC functions and pac-resolver into an empty VM. `turn` is called from in there before each query, and says whether it may begin; nothing that a script can reach
 * leads to it.
 */
export function installProgram(vm: QuickJS, library: Uint8Array, turn: () => boolean): Program {
  const control = vm.evalBytecode(library)
  const inert = Object.fromEntries(PAC_RESOLVER_FUNCTIONS.map((name) => [name, () => undefined]))
  const find = createPacResolver(vm, BRIDGE, { sandbox: inert, filename: 'pac-bridge' })
  // The package makes these in the VM's memory when they are first asked for: now, before that is remembered to be put back.
  const { true: yes, false: no } = vm
  const told = vm.newFunction('turn', () => (turn() ? yes : no))
  vm.callFunction(control, vm.undefined, vm.newString('seal'), told).dispose()
  return { control, find }
}

/** Whether promises have something left to do. */
export function hasJobs(vm: QuickJS): boolean {
  const { exports } = vm as unknown as { readonly exports: { qjs_is_job_pending(): number } }
  return exports.qjs_is_job_pending() !== 0
}
