import { test } from 'tap'
import { GatewayError } from '../../src/contracts/gateway-error.ts'
import { formatAuthority, parseAuthority, targetFromHost, targetFromUrl } from '../../src/wire/target.ts'
import { seededRandom } from '../fixtures/seeded-random.ts'

const ROUNDS = 15_000
const PIECES = [
  ...'abcxyz0189.-_:[]%/?#@\\*"<>|^ \t\r\n\0\x7f',
  'xn--',
  'example',
  '.com',
  '127',
  '0x',
  '::',
  '::ffff:',
  'fe80::1',
  '%25',
  'http://',
  'HTTPS://',
  ':443',
  ':0',
  ':65536',
  'ü',
  'ß',
  '。',
  '１',
  '／',
  '＠',
  '\u00ad',
  '\u200d',
  '\ud800',
  '😀',
  'a'.repeat(63),
  'a'.repeat(64),
  '.a'.repeat(130),
]

/** The value, or undefined for a clean refusal; whatever else is thrown fails the test. */
function accepted<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'BAD_REQUEST' && !/[\0-\x1f\x7f]/.test(error.message))
      return undefined
    throw error
  }
}

/** Not `URL.canParse`, whose optimised form refuses Latin-1 text that `new URL` takes (Node 20). */
function urlHost(url: string): string | undefined {
  try {
    return new URL(url).hostname
  } catch {
    return undefined
  }
}

test('any text is a canonical target or a clean refusal', async (t) => {
  const random = seededRandom(0xfa1a)
  let targets = 0
  for (let round = 0; round < ROUNDS; round++) {
    const text = random.text(PIECES, 8)
    const target = accepted(() => parseAuthority(text, { defaultPort: 443 })) ?? accepted(() => targetFromHost(text, 1))
    const url = accepted(() => targetFromUrl(text)) ?? accepted(() => targetFromUrl(`http://${text}`))
    for (const found of [target, url?.target]) {
      if (!found) continue
      targets++
      const shape = {
        0: /^(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/,
        4: /^\d+\.\d+\.\d+\.\d+$/,
        6: /^[0-9a-f:]+$/,
      }
      const isCanonical = shape[found.family].test(found.host) && found.port >= 1 && found.port <= 65535
      if (!isCanonical) t.fail(`${JSON.stringify(text)} gave ${JSON.stringify(found)}`)
      const again = parseAuthority(formatAuthority(found))
      if (again.host !== found.host || again.family !== found.family) t.fail(`${JSON.stringify(text)} is not stable`)
    }
    if (url && !/^\/[^\0-\x20\x7f#]*$/.test(url.path))
      t.fail(`${JSON.stringify(text)} gave path ${JSON.stringify(url.path)}`)
  }
  t.ok(targets > ROUNDS / 20, `${targets} targets among them`)
})

test('what the URL parser takes for an address is never taken for a name', async (t) => {
  const random = seededRandom(0x1b4)
  const pieces = ['0', '1', '7', '8', '127', '255', '256', '0x', '0x7f', 'f', '.', '.', '.', '００', '．', '²', 'a']
  let addresses = 0
  for (let round = 0; round < ROUNDS; round++) {
    const text = random.text(pieces, 9)
    const ours = accepted(() => parseAuthority(text, { defaultPort: 80 }))
    const theirs = urlHost(`http://${text}`)?.replace(/\.$/, '')
    if (ours && ours.host !== theirs) t.fail(`${JSON.stringify(text)}: ${ours.host}, URL says ${theirs}`)
    if (ours?.family === 4) addresses++
    if (!ours && theirs && /^\d+(\.\d+){3}$/.test(theirs)) t.fail(`${JSON.stringify(text)} is the address ${theirs}`)
  }
  t.ok(addresses > ROUNDS / 20, `${addresses} addresses among them`)
})

test('IPv6 text, against the URL parser', async (t) => {
  const random = seededRandom(6)
  const pieces = ['0', '1', 'f', 'ffff', '0000', 'db8', ':', ':', ':', '::', '1.2.3.4', '12345', 'g']
  let addresses = 0
  for (let round = 0; round < ROUNDS; round++) {
    const text = random.text(pieces, 17)
    const ours = accepted(() => parseAuthority(`[${text}]:1`))
    const url = `http://[${text}]/`
    if ((ours !== undefined) !== URL.canParse(url)) t.fail(`${text}: ours ${ours?.host}`)
    if (!ours) continue
    addresses++
    if (ours.family === 6 && `[${ours.host}]` !== new URL(url).hostname) t.fail(`${text}: ${ours.host}`)
  }
  t.ok(addresses > 100, `${addresses} addresses among them`)
})
