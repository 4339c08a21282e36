import { closeSync, fstatSync, openSync } from 'node:fs'
import t, { type Test } from 'tap'
import type { DoorRules, ToFront } from '../../../src/front/messages.ts'
import type { FrontedDoor } from '../../../src/gateway/front/fronted-doors.ts'
import type { Successor } from '../../../src/system/lent-server.ts'
import { DOOR_RULES } from '../../fixtures/door-rules.ts'

const skip = process.platform !== 'linux' && 'the front is for Linux'

const RULES: DoorRules = { ...DOOR_RULES, dialMs: 0, patienceMs: 0 }

/** Threads that are told, and answer when the test says so; `/dev/null` for the listening socket. */
async function rig(t: Test, count: number) {
  const { FrontedDoors } = await import('../../../src/gateway/front/fronted-doors.ts')
  const log: string[] = []
  const descriptors: number[][] = []
  const threads = Array.from({ length: count }, (_, place) => ({
    usable: true,
    listening: new Int32Array(new SharedArrayBuffer(64)),
    tell(message: ToFront) {
      log.push(`${message.kind} ${place}`)
      if (message.kind === 'open') descriptors[place]![message.door] = message.descriptor
    },
  }))
  for (const _ of threads) descriptors.push([])
  const connections = new Int32Array(new SharedArrayBuffer(64))
  const doors = new FrontedDoors(threads, connections, () => {})
  const lent = openSync('/dev/null', 'r')
  t.teardown(() => {
    for (const fd of [lent, ...descriptors.flat()]) if (isOpen(fd)) closeSync(fd)
  })
  let successor: Successor | undefined
  const listener = {
    lend: () => lent,
    keep: () => log.push('keep'),
    leaveTo(taken: Successor) {
      successor = taken
      log.push('leave')
    },
    takeBack: (fd: number) => log.push(`take back ${descriptors.findIndex((of) => of.includes(fd))}`),
  }
  const door = (rules = RULES) => ({ listener, context: {}, rules: () => rules }) as unknown as FrontedDoor
  const said = () => log.splice(0)
  return { doors, threads, door, descriptors, connections, said, successor: () => successor! }
}

function isOpen(fd: number): boolean {
  try {
    return fstatSync(fd).isCharacterDevice()
  } catch {
    return false
  }
}

t.test(
  'all threads have a descriptor of their own, and the door is theirs with the first answer',
  { skip },
  async (t) => {
    const { doors, door, descriptors, connections, said, successor } = await rig(t, 3)
    doors.serve(door(), false)
    t.same(said(), [])
    t.equal(doors.areOpen, false)
    doors.lend()
    t.same(said(), ['open 0', 'open 1', 'open 2'])
    t.equal(new Set(descriptors.flat()).size, 3)
    doors.opened(1, 0, true)
    doors.opened(0, 0, true)
    t.same(said(), ['leave'])
    t.equal(doors.areOpen, false)
    doors.opened(2, 0, true)
    t.equal(doors.areOpen, true)
    doors.renewRules()
    t.same(said(), ['rules 0', 'rules 1', 'rules 2'])
    connections[0] = 5
    t.equal(successor().connections, 5)
    successor().holds(2)
    t.equal(connections[1], 2)
    successor().shut()
    t.same(said(), ['shut 0', 'shut 1', 'shut 2'])
    doors.renewRules()
    t.same(said(), [])
    t.ok(doors.get(0), 'its clients may still be there')
  },
)

t.test('captured connections are the first thread’s alone', { skip }, async (t) => {
  const { doors, threads, door, said } = await rig(t, 2)
  const captured = door({ ...RULES, captured: true })
  doors.serve(captured, true)
  t.same(said(), ['open 0'])
  t.equal(doors.numberOf(captured), undefined, 'it has not answered')
  doors.opened(0, 0, true)
  t.equal(doors.numberOf(captured), 0)
  said()
  threads[0]!.usable = false
  doors.lost(0)
  t.same(said(), ['take back 0', 'look 1'])
  doors.serve(captured, true)
  t.same(said(), ['keep'], 'none of the others takes it')
})

t.test('a thread that dies leaves the doors to the others, and the last one to themselves', { skip }, async (t) => {
  const { doors, threads, door, descriptors, said } = await rig(t, 2)
  doors.serve(door(), true)
  doors.opened(0, 0, true)
  doors.opened(1, 0, true)
  said()
  threads[0]!.usable = false
  doors.lost(0)
  t.same(said(), ['look 1'], 'which has a look whether the dead one was told of somebody')
  t.equal(isOpen(descriptors[0]![0]!), false)
  doors.serve(door(), true)
  t.same(said(), ['open 1'])
  threads[1]!.usable = false
  doors.lost(1)
  t.same(said(), ['take back 1', 'keep'], 'what it had not answered is closed')
  t.equal(isOpen(descriptors[1]![0]!), true)
  t.equal(isOpen(descriptors[1]![1]!), false)
})

t.test('a thread that cannot watch a door does without; if none can, the door serves itself', { skip }, async (t) => {
  const { doors, door, descriptors, said } = await rig(t, 2)
  doors.serve(door(), true)
  doors.opened(0, 0, false)
  t.same(said(), ['open 0', 'open 1'])
  t.equal(isOpen(descriptors[0]![0]!), false)
  doors.opened(1, 0, true)
  t.same(said(), ['leave'])
  doors.serve(door(), true)
  doors.opened(0, 1, false)
  doors.opened(1, 1, false)
  t.same(said(), ['open 0', 'open 1', 'keep'])
  t.equal(isOpen(descriptors[1]![1]!), false)
})

t.test('the only one that takes clients dies before another has answered', { skip }, async (t) => {
  const { doors, threads, door, descriptors, said } = await rig(t, 2)
  doors.serve(door(), true)
  doors.opened(0, 0, true)
  said()
  threads[0]!.usable = false
  doors.lost(0)
  t.same(said(), ['shut 1', 'take back 0', 'look 1'])
  doors.opened(1, 0, true)
  t.same(said(), [], 'it has been told to shut it since')
  t.equal(isOpen(descriptors[1]![0]!), true, 'its own to close')
})

t.test(
  'a thread that could not watch a door says so after it was told to shut it: nothing listens any more',
  { skip },
  async (t) => {
    const { doors, threads, door, descriptors, said, successor } = await rig(t, 3)
    doors.serve(door(), true)
    doors.opened(0, 0, true)
    said()
    successor().shut()
    t.same(said(), ['shut 0', 'shut 1', 'shut 2'])
    doors.opened(1, 0, false)
    t.equal(isOpen(descriptors[1]![0]!), false, 'it has no door that it could shut')
    doors.opened(2, 0, true)
    t.equal(isOpen(descriptors[2]![0]!), true, 'this one has, and closes it')
    doors.serve(door(), true)
    doors.opened(0, 1, true)
    threads[0]!.usable = false
    doors.lost(0)
    doors.opened(1, 1, false)
    t.equal(isOpen(descriptors[1]![1]!), false, 'the same where the only one that took clients has died')
  },
)
