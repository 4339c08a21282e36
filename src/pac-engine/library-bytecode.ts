import { QuickJS } from 'quickjs-wasi'
import { librarySource } from './library/index.ts'
import type { PacLimits } from './limits.ts'

/** The functions that pac-resolver brings itself, run on the host and with network access: none of them must be reachable. */
export const PAC_RESOLVER_FUNCTIONS = [
  'alert',
  'dateRange',
  'dnsDomainIs',
  'dnsDomainLevels',
  'dnsResolve',
  'isInNet',
  'isPlainHostName',
  'isResolvable',
  'localHostOrDomainIs',
  'myIpAddress',
  'shExpMatch',
  'timeRange',
  'weekdayRange',
] as const

const compiled = new WeakMap<PacLimits, Promise<Uint8Array>>()

/** The library, compiled once a thread: parsing it takes several milliseconds, and VMs are replaced now and then. */
export function libraryBytecode(wasm: WebAssembly.Module, limits: PacLimits): Promise<Uint8Array> {
  let bytecode = compiled.get(limits)
  if (!bytecode) {
    bytecode = compile(wasm, limits)
    compiled.set(limits, bytecode)
  }
  return bytecode
}

async function compile(wasm: WebAssembly.Module, limits: PacLimits): Promise<Uint8Array> {
  const vm = await QuickJS.create({ wasm })
  try {
    return vm.compile(librarySource(limits, PAC_RESOLVER_FUNCTIONS), 'pac-library')
  } finally {
    vm.dispose()
  }
}
