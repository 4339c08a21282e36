import t from 'tap'
import { hideInAnswer, queryHider } from '../../../src/wire/query-hider.ts'

t.test('queryHider: what a URL’s query holds, wherever the script puts it', (t) => {
  const hide = queryHider('http://a.example/path?id=7&token=Secret-123&next=/some/where')
  for (const [text, shown] of [
    ['http://a.example/path?id=7&token=Secret-123&next=/some/where', 'http://a.example/path?…'],
    ['http://a.example/path?id=7&token=Sec', 'http://a.example/path?…'],
    ['http://a.example/path?id=7&token=Sec…', 'http://a.example/path?……'],
    ['HTTP://A.EXAMPLE/PATH?ID=7&TOKEN=SECRET-123', 'HTTP://A.EXAMPLE/PATH?…'],
    ['it is secret-123, again Secret-123', 'it is …, again …'],
    ['a.example', 'a.example'],
    ['*.example?.com', '*.example?.com'],
    ['7', '7'],
  ] as const)
    t.equal(hide(text), shown, text)
  const token = 'eyJhbGciOiJIUzI1NiJ9.'.repeat(20)
  const long = queryHider(`http://a.example/?token=${token}&pw=s3%26cr%2Bet%21`)
  t.equal(long(`D ${token.slice(0, 150)}…`), 'D …', 'a part that was cut off')
  t.equal(long(`D ${token.slice(0, 150)}`), 'D …')
  t.equal(long('it is s3&cr+et!, is it'), 'it is …, is it', 'read as it is meant')
  t.equal(queryHider('http://a/?x=%E0%A4%A')('as ever'), 'as ever', 'what cannot be read')
  const none = queryHider('http://a.example/path')
  t.equal(none('a?b'), 'a?b')
  const odd = queryHider('http://a/?token=secret')
  t.equal(odd('\u0130 SECRET'), '\u0130 …', 'a letter that is longer in the other case')
  t.end()
})

t.test('queryHider: pieces, however a script cuts them out', (t) => {
  const many = Array.from({ length: 100 }, (_, i) => `p${i}=value${i * 7919}`).join('&')
  for (const [query, text, shown] of [
    ['jwt=eyJhbGci.eyJzdWIi.SflKxwRJ', 'signed SflKxwRJ', 'signed …'],
    ['auth=ab:SECRET', 'it is SECRET', 'it is …'],
    ['token=0123456789', 'ends in 6789', 'ends in …'],
    ['token=0123456789', 'has 3456, and 78', 'has …, and 78'],
    [many, 'the last is value783981', 'the last is …'],
    ['q=my%20SECRET', 'PROXY my SECRET:1', 'PROXY …:1'],
    ['q=my+SECRET', 'PROXY my SECRET:1', 'PROXY …:1'],
    ['q=caf%E9-cr%E8me', 'caf\u00e9-cr\u00e8me', '…'],
    ['q=caf%C3%A9-cr%C3%A8me', 'caf\u00e9-cr\u00e8me', '…'],
    ['q=caf%C3%A9-cr%C3%A8me', 'caf\u00c3\u00a9-cr', '…'],
    ['q=%2541bcd%2545', 'it is AbcdE', 'it is …'],
    ['q=%41bcd%ZZ%E0efgh', 'Abcd%ZZ and efgh', '… and …'],
    ['next=http://a.example/in', 'http://a.example/ of *.example', 'http://a.example/ of *.example'],
    ['next=http://a.example/in', 'a.example/in', '…'],
    ['next=a.exampleSECRET', 'a.exampleSECRET', '…'],
    ['id=7', 'id=7', '…'],
    ['id=7', 'id 7', 'id 7'],
  ] as const)
    t.equal(queryHider(`http://a.example/?${query}`)(text), shown, `${text} of ${query.slice(0, 30)}`)
  t.equal(queryHider(`http://a/?${'x'.repeat(65_537)}`)('DIRECT'), '…', 'longer than is looked through')
  t.end()
})

t.test('queryHider: whatever is asked, it takes no time', (t) => {
  const letters = 'abcdefghijklmnopqrstuvwxyz0123456789%+'
  const odd = Array.from({ length: 16_000 }, (_, i) => letters[(i * i * 31 + (i >> 3)) % letters.length]).join('')
  const texts = Array.from({ length: 32 * 9 }, (_, i) => `${i}${odd.slice(i * 50, i * 50 + 196)}`)
  for (const query of [odd, 'a'.repeat(16_000), 'ab%20'.repeat(3_200), `${'%25'.repeat(2_600)}41`]) {
    const took: number[] = []
    for (let i = 0; i < 10; i++) {
      const began = process.cpuUsage()
      const hide = queryHider(`http://a.example/?${query}`)
      for (const text of texts) hide(text)
      const { user, system } = process.cpuUsage(began)
      took.push((user + system) / 1000)
    }
    const least = Math.min(...took)
    t.ok(least < 20, `${query.slice(0, 10)}: ${least} ms`)
    t.comment(`${query.slice(0, 10)}: ${least} ms`)
  }
  t.end()
})

t.test('hideInAnswer: the format’s own words stay', (t) => {
  const hide = queryHider('http://a.example/?next=proxy&kind=direct&token=Secret-1')
  t.equal(hideInAnswer('PROXY p:1;direct ; PROXY x-secret-1:80', hide), 'PROXY p:1;direct ; PROXY x-…:80')
  t.equal(hideInAnswer('http://a.example/?next=proxy&ki', hide), 'http://a.example/?…')
  t.end()
})

t.test('a query of many parts is looked for in many texts at once', (t) => {
  const query = Array.from({ length: 64 }, (_, i) => `parameter${i}=value-of-it-${i}`).join('&')
  const texts = Array.from({ length: 32 }, (_, i) => [`*.net${i}.example`, `http://a.example/?${query}`.slice(0, 200)])
  const took: number[] = []
  for (let i = 0; i < 30; i++) {
    const began = process.cpuUsage()
    const hide = queryHider(`http://a.example/?${query}`)
    for (const text of texts.flat()) hide(text)
    const { user, system } = process.cpuUsage(began)
    took.push((user + system) / 1000)
  }
  const least = Math.min(...took)
  t.ok(least < 1, `${least} ms`)
  t.end()
})
