import { parentPort } from 'node:worker_threads'
import { createPacResolver } from 'pac-resolver'
import { QuickJS } from 'quickjs-wasi'

/** One row for pac-resolver as it comes; answered with its result, or `fails: …`. */
export interface ResolverRow {
  readonly script: string
  /** What the clock says, in ms since the epoch. */
  readonly now: number
}

/** As it comes, but for the two that would reach for a network. */
const withoutNetwork = { dnsResolve: async () => null, myIpAddress: async () => '127.0.0.1' }
/** Until a row breaks it: to make one takes 0.1 s. */
let vm: QuickJS | undefined

// A thread of its own, for its helpers run out here: a regular expression that does not end cannot be stopped otherwise.
parentPort?.on('message', async (row: ResolverRow) => parentPort?.postMessage(await answer(row)))

/** Its helpers read this thread's clock: the row's time is put in its place meanwhile. */
async function answer({ script, now }: ResolverRow): Promise<string> {
  const real = globalThis.Date
  globalThis.Date = fixedDate(real, now)
  try {
    vm ??= await QuickJS.create()
    const find = createPacResolver(vm, script, { sandbox: withoutNetwork })
    return String(await find('http://www.example.com/', 'www.example.com'))
  } catch (error) {
    vm?.dispose()
    vm = undefined
    return `fails: ${error instanceof Error ? error.message : String(error)}`
  } finally {
    globalThis.Date = real
  }
}

function fixedDate(real: DateConstructor, now: number): DateConstructor {
  return new Proxy(real, {
    construct: (target, args) => (args.length === 0 ? new target(now) : Reflect.construct(target, args)),
  })
}
