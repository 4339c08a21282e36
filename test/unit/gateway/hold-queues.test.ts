import t from 'tap'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { HoldQueues } from '../../../src/gateway/hold-queues.ts'
import type { SynQueue } from '../../../src/passthrough/hold/syn-queue.ts'
import type { Settings } from '../../../src/settings/settings.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'

/** The kernel and the rest of the capture, played. `taken`: what opening a queue says, while it says no. */
function rig() {
  const clock = manualClock()
  const said: string[] = []
  const kernel = {
    taken: undefined as string | undefined,
    opened: 0,
    lose: (_reason: string) => {},
    drop: (_count: number) => {},
    closed: 0,
    /** What stands in the way of new rules. */
    trouble: undefined as string | undefined,
  }
  const inUse: { queue: SynQueue | undefined } = { queue: undefined }
  const work: Promise<void>[] = []
  const queues = new HoldQueues(
    {
      clock,
      turns: {
        inBackground: (task) => void work.push(task().catch(({ message }) => void said.push(`warn ${message}`))),
      },
      settings: () => undefined,
      held: () => {},
      queue: () => inUse.queue,
      async exchange(queue) {
        if (kernel.trouble) throw new Error(kernel.trouble)
        inUse.queue = queue
        return queue !== undefined
      },
      inform: (message) => said.push(`info ${message}`),
      warn: (message) => said.push(`warn ${message}`),
    },
    ({ queue }, { lost, unseen }) => {
      if (kernel.taken) throw new GatewayError('INTERNAL', `queue ${queue}: no`, { said: kernel.taken })
      kernel.opened += 1
      const close = async () => {
        kernel.closed += 1
      }
      const made = { number: queue, close } as SynQueue
      kernel.drop = unseen
      kernel.lose = (reason) => lost(made, reason)
      return made
    },
  )
  const settings = (hold: Settings['capture']['hold'], queue = 100) => ({ capture: { hold, queue } }) as Settings
  const settled = () => Promise.all(work)
  return { clock, said, kernel, inUse, queues, settings, settled }
}

t.test('the one that is open, another, or none', async (t) => {
  const { kernel, queues, settings } = rig()
  t.same(queues.for(settings('off'), undefined), { queue: undefined, awaited: undefined })
  const { queue } = queues.for(settings('auto'), undefined)
  t.equal(queues.for(settings('required'), queue).queue, queue)
  t.not(queues.for(settings('auto', 101), queue).queue, queue)
  t.equal(kernel.opened, 2)
  kernel.taken = 'EPERM'
  t.throws(() => queues.for(settings('required'), undefined), /queue 100/)
})

t.test('a queue that a gateway before us still has is taken when that has gone', async (t) => {
  const { clock, said, kernel, inUse, queues, settings, settled } = rig()
  kernel.taken = 'EPERM'
  queues.use(queues.for(settings('auto'), undefined))
  t.match(said.splice(0), [/^warn queue 100: no; .* accepted before .*; it is tried again every second$/])
  clock.advance(5_000)
  kernel.taken = undefined
  clock.advance(1_000)
  await settled()
  t.equal(inUse.queue?.number, 100)
  t.same(said, ['info capture: queue 100 is free; connection attempts are held from now on'])
  clock.advance(60_000)
  await settled()
  t.equal(kernel.opened, 1, 'once')
  t.equal(clock.pending, 0)
})

t.test('a queue that cannot be used is given back, and the next settings open it anew', async (t) => {
  const { clock, said, kernel, inUse, queues, settings, settled } = rig()
  kernel.taken = 'EPERM'
  queues.use(queues.for(settings('auto'), undefined))
  Object.assign(kernel, { taken: undefined, trouble: 'nft cannot be run' })
  clock.advance(1_000)
  await settled()
  t.equal(kernel.opened, 1)
  t.equal(kernel.closed, 1)
  t.equal(inUse.queue, undefined)
  t.match(said.slice(1), ['warn nft cannot be run'])
  t.equal(clock.pending, 0)
})

t.test('not for ever, and not where the kernel has no queues', async (t) => {
  const { clock, said, kernel, queues, settings, settled } = rig()
  kernel.taken = 'EPERM'
  queues.use(queues.for(settings('auto'), undefined))
  clock.advance(3_600_000)
  await settled()
  t.match(said[1], /^warn capture: queue 100 is still somebody else's/)
  t.equal(clock.pending, 0)
  kernel.taken = 'EPROTONOSUPPORT'
  queues.use(queues.for(settings('auto'), undefined))
  t.equal(clock.pending, 0)
  t.notMatch(said[2], 'again')
})

t.test('other settings, or none: not waited for any more', async (t) => {
  const { clock, kernel, queues, settings, settled } = rig()
  kernel.taken = 'EPERM'
  const before = queues.for(settings('auto'), undefined)
  queues.use(before)
  queues.for(settings('auto', 101), undefined)
  t.equal(clock.pending, 0, 'not while others are made ready')
  queues.use(before)
  t.equal(clock.pending, 1, 'and again where nothing has come of them')
  queues.stop()
  kernel.taken = undefined
  clock.advance(10_000)
  await settled()
  t.equal(kernel.opened, 0)
})

t.test('a queue that is lost is given up, if it is the one in use', async (t) => {
  const { said, kernel, inUse, queues, settings, settled } = rig()
  const { queue } = queues.for(settings('auto'), undefined)
  kernel.lose('EIO')
  await settled()
  t.same(said, [], 'another one is in use')
  inUse.queue = queue
  kernel.lose('EIO')
  await settled()
  t.equal(inUse.queue, undefined)
  t.match(said, [/^warn capture: connection attempts can no longer be held \(EIO\)/])
})

t.test(
  'attempts that came faster than they are read are told of, all of them, and not more often than once a minute',
  async (t) => {
    const { clock, said, kernel, queues, settings } = rig()
    queues.for(settings('auto'), undefined)
    kernel.drop(3)
    t.match(said.splice(0), [/^warn capture: 3 connection attempts came faster than/])
    for (const count of [40, 2]) kernel.drop(count)
    t.same(said, [])
    clock.advance(60_000)
    kernel.drop(1)
    t.match(said, [/^warn capture: 43 connection attempts/])
  },
)
