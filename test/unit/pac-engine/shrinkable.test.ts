import t from 'tap'
import { DEFAULT_LIMITS } from '../../../src/pac-engine/limits.ts'
import { PacVm } from '../../../src/pac-engine/pac-vm.ts'
import { quickjsModule } from '../../../src/pac-engine/quickjs-module.ts'
import { PAGES, shrinkable } from '../../../src/pac-engine/shrinkable.ts'

interface Instance {
  readonly exports: {
    readonly memory: { readonly buffer: ArrayBuffer }
    size(): number
    grow(pages: number): number
    readonly [PAGES]: { value: number }
  }
}
const { Module, Instance } = (globalThis as unknown as { WebAssembly: unknown }).WebAssembly as {
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object) => Instance
}

/** Exports its memory, of one page and at most four, and two functions that ask its size and make it grow. */
const MEMORY = [
  ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 10, 2, 0x60, 0, 1, 0x7f, 0x60, 1, 0x7f, 1, 0x7f],
  ...[2, 1, 0],
  ...[3, 3, 2, 0, 1],
  ...[5, 4, 1, 1, 1, 4],
  ...[6, 6, 1, 0x7f, 1, 0x41, 0, 0x0b],
  ...[7, 24, 3, 6, ...Buffer.from('memory'), 2, 0, 4, ...Buffer.from('size'), 0, 0, 4, ...Buffer.from('grow'), 0, 1],
  ...[10, 13, 2, 4, 0, 0x3f, 0, 0x0b, 6, 0, 0x20, 0, 0x40, 0, 0x0b],
]

t.test('a memory that was put back grows again within what it has, cleared, and beyond up to its limit', async (t) => {
  const { exports } = new Instance(new Module(shrinkable(Uint8Array.from(MEMORY))))
  const pages = () => exports.memory.buffer.byteLength / 65_536
  t.equal(exports.size(), 1)
  t.equal(exports.grow(2), 1)
  t.equal(exports.size(), 3)
  new Uint8Array(exports.memory.buffer).fill(7)
  exports[PAGES].value = 1
  t.equal(exports.size(), 1)
  t.equal(exports.grow(1), 1)
  t.equal(pages(), 3, 'what is there is used')
  const bytes = new Uint8Array(exports.memory.buffer)
  t.equal(bytes[65_535], 7)
  t.ok(
    bytes.subarray(65_536, 131_072).every((byte) => byte === 0),
    'cleared',
  )
  t.equal(exports.grow(2), 2)
  t.equal(pages(), 4)
  for (const [more, before] of [
    [1, 0xffffffff],
    [65_537, 0xffffffff],
    [-1, 0xffffffff],
    [0, 4],
  ] as const) {
    t.equal(exports.grow(more) >>> 0, before, `${more} more`)
  }
  t.equal(exports.size(), 4)
  t.throws(() => shrinkable(Uint8Array.from(MEMORY.map((byte) => (byte === 0x3f || byte === 0x40 ? 0x41 : byte)))), {
    message: /never asks for memory/,
  })
})

t.test('a VM that has grown is put back, not made anew, unless it would keep too much', async (t) => {
  const vm = new PacVm(await quickjsModule(DEFAULT_LIMITS.memoryPages), { ...DEFAULT_LIMITS, growthPages: 16 })
  t.teardown(() => vm.dispose())
  const script = `var kept = 0
function FindProxyForURL(url, host) {
  if (host === "kept") return String(kept)
  kept = new Uint8Array(Number(host)).fill(1)
  return "DIRECT" }`
  const load = () => vm.load(script, { now: 0, dns: [] })
  const ask = (host: string) => vm.evaluate({ url: `http://${host}:80`, host }, { now: 0, trace: false })
  t.match(await load(), { is: 'answer' })
  for (let i = 0; i < 5; i++) {
    t.match(await ask('6000000'), { is: 'answer', answer: 'DIRECT' })
    t.notOk(vm.usable, 'it has grown by more than it may')
    t.notOk(vm.mustBeMade)
    t.match(await load(), { is: 'answer' })
    t.match(await ask('kept'), { is: 'answer', answer: '0' })
  }
  t.match(await ask('30000000'), { is: 'answer', answer: 'DIRECT' })
  t.ok(vm.mustBeMade)
  t.match(await load(), { is: 'answer' })
  t.notOk(vm.mustBeMade)
  t.match(await ask('kept'), { is: 'answer', answer: '0' })
})
