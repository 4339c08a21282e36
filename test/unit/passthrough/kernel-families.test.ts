import t from 'tap'
import { kernelFamilies } from '../../../src/passthrough/transparent-socket.ts'

t.test('IPv6 is captured only where loopback has it', (t) => {
  const disabled = (value: string) => ({ ipv6: { conf: { lo: { disable_ipv6: value } } } })
  const rows = [
    ['a host with IPv6', { net: { if_inet6: 'x' }, sys: { net: disabled('0\n') } }, [4, 6]],
    ['a container of a network without IPv6', { net: { if_inet6: '' }, sys: { net: disabled('1\n') } }, [4]],
    ['a kernel without IPv6', { net: {}, sys: {} }, [4]],
    ['a /proc that does not say', { net: { if_inet6: '' }, sys: {} }, [4]],
  ] as const
  for (const [what, proc, families] of rows) t.same(kernelFamilies(t.testdir(proc)), families, what)
  t.end()
})
