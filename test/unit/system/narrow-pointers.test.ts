import { createRequire } from 'node:module'
import t from 'tap'

t.test('where pointers have 4 bytes, nothing is asked of the C library', async (t) => {
  // In this process alone, and before anything else loads it.
  const koffi = createRequire(import.meta.url)('koffi') as { sizeof(type: string): number }
  koffi.sizeof = () => 4
  const { hasLibc, nativeMemory } = await import('../../../src/system/linux/libc.ts')
  t.equal(hasLibc, false)
  t.throws(nativeMemory, /^system calls cannot be made: /)
  const { interfaceAddresses, portableAddresses } = await import('../../../src/system/interface-addresses.ts')
  t.strictSame(interfaceAddresses(), portableAddresses(), 'as Node lists them')
})
