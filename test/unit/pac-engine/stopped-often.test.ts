import { QuickJS } from 'quickjs-wasi'
import t from 'tap'
import { DEFAULT_LIMITS } from '../../../src/pac-engine/limits.ts'
import { PacVm } from '../../../src/pac-engine/pac-vm.ts'
import { quickjsModule } from '../../../src/pac-engine/quickjs-module.ts'

/** The package's record of values that nobody has disposed of, and of functions that the VM may call. */
interface Kept {
  readonly _ownedHandles: Set<unknown>
  readonly hostCallbacks: Map<string, unknown>
}

t.test('an evaluation that is stopped leaves nothing outside the VM', async (t) => {
  const made: Kept[] = []
  const { create } = QuickJS
  t.teardown(() => {
    QuickJS.create = create
  })
  QuickJS.create = async (options) => {
    const vm = await create.call(QuickJS, options)
    made.push(vm as unknown as Kept)
    return vm
  }
  const limits = { ...DEFAULT_LIMITS, evaluateMs: 0.2 }
  const vm = new PacVm(await quickjsModule(limits.memoryPages), limits)
  t.teardown(() => vm.dispose())
  const script = 'function FindProxyForURL(url, host) { while (host === "loop"); return host }'
  const kept: number[] = []
  for (let i = 1; i <= 1_000; i++) {
    if (!vm.usable) {
      const loaded = await vm.load(script, { now: 0, dns: [] })
      if (loaded.is !== 'answer') throw new Error(JSON.stringify(loaded))
    }
    const outcome = await vm.evaluate({ url: 'http://loop/', host: 'loop' }, { now: 0, trace: false })
    if (outcome.is !== 'failed' || outcome.failure.kind !== 'time') throw new Error(JSON.stringify(outcome))
    if (i % 500 === 0)
      kept.push(
        made.reduce((all, { _ownedHandles, hostCallbacks }) => all + _ownedHandles.size + hostCallbacks.size, 0),
      )
  }
  t.ok(made.length >= 1 && made.length < 5, `${made.length} VMs`)
  // What is held at the moment of a stop may be one more or less.
  t.ok(Math.abs((kept[0] ?? 0) - (kept[1] ?? 0)) < 10, `${kept}: none for each stop`)
  t.ok((kept[1] ?? 0) > 0 && (kept[1] ?? 0) < 100, `${kept}`)
})
