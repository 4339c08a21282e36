import t from 'tap'
import { type Listed, LiveList } from '../../../src/observe/live-list.ts'

class Item implements Listed<Item> {
  before: Item | undefined
  after: Item | undefined
  isListed = false
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

const names = (list: LiveList<Item>, limit = 10) => list.first(limit).map(({ name }) => name)

t.test('keeps the order of arrival through deletions at either end and in the middle', async (t) => {
  const list = new LiveList<Item>()
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => new Item(name)) as [Item, Item, Item, Item]
  for (const item of [a, b, c, d]) list.add(item)
  t.same(names(list), ['a', 'b', 'c', 'd'])
  t.same(names(list, 2), ['a', 'b'])
  t.ok(list.delete(b))
  t.same([names(list), list.size], [['a', 'c', 'd'], 3])
  t.ok(list.delete(a))
  t.ok(list.delete(d))
  t.same(names(list), ['c'])
  list.add(a)
  t.same(names(list), ['c', 'a'])
  t.ok(list.delete(c))
  t.ok(list.delete(a))
  t.same([names(list), list.size], [[], 0])
})

t.test('what is added twice is there once, what is deleted twice was there once', async (t) => {
  const list = new LiveList<Item>()
  const item = new Item('a')
  list.add(item)
  list.add(item)
  t.equal(list.size, 1)
  t.ok(list.delete(item))
  t.notOk(list.delete(item))
  t.equal(list.size, 0)
})

t.test('one that has gone keeps nobody', async (t) => {
  const list = new LiveList<Item>()
  const [a, b, c] = ['a', 'b', 'c'].map((name) => new Item(name)) as [Item, Item, Item]
  for (const item of [a, b, c]) list.add(item)
  list.delete(b)
  t.same([b.before, b.after], [undefined, undefined])
})
