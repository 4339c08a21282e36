import { test } from 'tap'
import type { Target } from '../../src/contracts/target.ts'
import { parseExcludeList, readExcludeList } from '../../src/wire/exclude-list.ts'
import { parseAuthority } from '../../src/wire/target.ts'
import { seededRandom } from '../fixtures/seeded-random.ts'

const ROUNDS = 20_000

test('any text is a list or a list of problems with their places', async (t) => {
  const random = seededRandom(0xe8c1)
  const pieces = [
    ...'ab.*:/[]<>,; 018%@!\0',
    '<local>',
    '::',
    '10.0.0.0/8',
    'http://',
    ':80',
    'ü',
    '。',
    'xn--',
    'a'.repeat(64),
  ]
  const targets: Target[] = ['a:80', 'a.b:80', '10.0.0.1:80', '[::1]:80', 'xn--tda.a:443'].map((text) =>
    parseAuthority(text),
  )
  let good = 0
  for (let round = 0; round < ROUNDS; round++) {
    const text = random.text(pieces, 12)
    const { list, problems } = readExcludeList(text)
    good += list.rules.length
    for (const { offset, entry, index } of problems) {
      if (offset < 0 || offset > text.length || !text.includes(entry) || index < 0) t.fail(JSON.stringify(text))
    }
    for (const target of targets) {
      const match = list.match(target, 'http')
      if (match && !list.rules.some((rule) => rule.index === match.index && rule.entry === match.entry)) t.fail(text)
    }
  }
  t.ok(good > ROUNDS / 20, `${good} good entries among them`)
})

/** The grammar for names, said in the plainest way. */
function plainly(entry: string, host: string): boolean {
  if (entry === '*') return true
  if (entry === '<local>') return !host.includes('.')
  if (entry.startsWith('*.')) return host.endsWith(entry.slice(1)) && host.length > entry.length - 1
  if (entry.startsWith('.')) return host.endsWith(entry) && host.length > entry.length
  if (entry.includes('*')) {
    return new RegExp(
      `^${entry
        .split('*')
        .map((piece) => piece.replaceAll('.', '\\.'))
        .join('.*')}$`,
    ).test(host)
  }
  return host === entry || host.endsWith(`.${entry}`)
}

test('the indexed list answers as the plain rules do', async (t) => {
  const random = seededRandom(0x1d8)
  const labels = ['a', 'b', 'ab', 'ba', 'aab']
  const name = () => Array.from({ length: 1 + random.below(3) }, () => random.pick(labels)).join('.')
  const entryOf = () =>
    random.pick([
      name,
      name,
      () => `.${name()}`,
      () => `*.${name()}`,
      () => `${name()}*`,
      () => `*${name()}`,
      () => '<local>',
    ])()
  let matched = 0
  for (let round = 0; round < ROUNDS / 4; round++) {
    const entries = Array.from({ length: 1 + random.below(6) }, entryOf)
    const host = name()
    const expected = entries.findIndex((entry) => plainly(entry, host))
    const match = parseExcludeList(entries).match({ host, family: 0, port: 80 }, 'http')
    if ((match?.index ?? -1) !== expected)
      t.fail(`${entries.join(',')} on ${host}: ${match?.index}, plainly ${expected}`)
    if (match) matched++
  }
  t.ok(matched > ROUNDS / 20, `${matched} matches among them`)
})
