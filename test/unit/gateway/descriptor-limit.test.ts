import t from 'tap'
import { connectionsWithin, descriptorShortage } from '../../../src/gateway/descriptor-limit.ts'

t.test('connections that a limit on open files leaves room for', async (t) => {
  t.equal(connectionsWithin(undefined), Number.POSITIVE_INFINITY)
  t.equal(connectionsWithin(1_100), 500)
  t.equal(connectionsWithin(10), 1, 'never none')
})

t.test('a limit that is too low is told with what to do', async (t) => {
  t.equal(descriptorShortage(undefined, 1_000), undefined)
  t.equal(descriptorShortage(2_100, 1_000), undefined)
  t.match(
    descriptorShortage(256, 1_000),
    /open files is 256; 1000 connections need 2100, so at most 78 are served\. Raise it/,
  )
})
