import t from 'tap'
import { detourOf } from '../../../src/passthrough/rules/capture-plan.ts'

t.test('every port has a detour, and leads back by it', async (t) => {
  const ports = Array.from({ length: 65_535 }, (_, at) => at + 1)
  t.strictSame(
    ports.filter((port) => detourOf(port) < 1 || detourOf(port) > 65_535),
    [],
  )
  // 64512 alone has none but itself: its own would be 0.
  t.strictSame(
    ports.filter((port) => detourOf(detourOf(port)) !== port || detourOf(port) === port),
    [64_512],
  )
  t.equal(detourOf(53), 64_565)
  t.strictSame(
    ports.filter((port) => port < 1_024 && detourOf(port) < 64_513),
    [],
    'privileged ports have theirs where nobody listens',
  )
})
