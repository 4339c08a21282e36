import t from 'tap'
import { DEFAULT_LIMITS } from '../../../src/pac-engine/limits.ts'
import { PacVm } from '../../../src/pac-engine/pac-vm.ts'
import { quickjsModule } from '../../../src/pac-engine/quickjs-module.ts'

t.test('the limit of a load counts from when the script begins, not from when its VM is to be made', async (t) => {
  const made: boolean[] = []
  const vm: PacVm = new PacVm(await quickjsModule(DEFAULT_LIMITS.memoryPages), DEFAULT_LIMITS, {
    loads: () => made.push(!vm.mustBeMade),
  })
  t.teardown(() => vm.dispose())
  const loaded = await vm.load('function FindProxyForURL() { return "DIRECT" }', { now: 0, dns: [] })
  t.equal(loaded.is, 'answer')
  t.same(made, [true])
})
