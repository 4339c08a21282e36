import { test } from 'tap'
import { formatProblems } from '../../src/settings/problem.ts'
import { readSource } from '../../src/settings/source.ts'
import { seededRandom } from '../fixtures/seeded-random.ts'

const ROUNDS = 1_000

/** Stands for every password. */
const PW = 'hunter2Secret'

/** Where a change has made it a part of another word, it cannot be told from a name. */
const LEAK = new RegExp(`(?<![\\w.-])${PW}`)

const GOOD = `listen:
  mixed: [127.0.0.1:3128, { address: 127.0.0.1:3129, scope: containers }]
  auth:
    users: { alice: ${PW}, "bob": "${PW}" }
proxy:
  mode: manual
  http: http://build:${PW}@proxy.corp.example:8080
  https: [corp, { url: "socks5://a:1", username: build, password: ${PW} }]
  exclude: ["*.corp.example", 10.0.0.0/8]
upstreams:
  corp:
    - url: https://edge.example
      username: 'build'
      password: '${PW}'
timeouts: { dial: 10s }
`

const pieces = [
  ...' \t\n:-,{}[]\'"#&*!|>%@`?~\\',
  '\u0000',
  '\ufeff',
  '\r\n',
  'ü',
  '😀',
  ': ',
  '- ',
  '<<: ',
  '---\n',
  'null',
  '{ }',
]

test('any text is settings or a list of problems within it, and shows no password', async (t) => {
  const random = seededRandom(0x5e77)
  let good = 0
  for (let round = 0; round < ROUNDS; round++) {
    let text = GOOD
    for (let change = 0; change <= random.below(3); change++) {
      const at = random.below(text.length)
      text = text.slice(0, at) + (random.next() < 0.7 ? random.pick(pieces) : '') + text.slice(at + random.below(4))
    }
    const { problems } = readSource(text, { kind: 'user', file: 'f', path: '/f' })
    if (problems.length === 0) good++
    const lines = text.split('\n')
    for (const { line, column, excerpt } of problems) {
      const width = lines[line - 1]?.length
      if (width === undefined || column < 1 || column > width + 1)
        t.fail(`${line}:${column} is outside of ${JSON.stringify(text)}`)
      if (excerpt && (excerpt.caret < 0 || excerpt.caret > excerpt.text.length))
        t.fail(`caret outside: ${JSON.stringify(text)}`)
    }
    const printed = formatProblems(problems)
    if (LEAK.test(printed)) t.fail(`${printed}\n of ${JSON.stringify(text)}`)
  }
  t.ok(good > ROUNDS / 20, `${good} good ones among them`)
})
