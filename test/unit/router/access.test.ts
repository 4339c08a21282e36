import { test } from 'tap'
import { type Access, createAccess } from '../../../src/router/access.ts'
import { parseExcludeList } from '../../../src/wire/exclude-list.ts'
import { LOCAL_CLIENT, queryFor, REMOTE_CLIENT } from '../../fixtures/route-query.ts'

const clock = { wall: () => 0, monotonic: () => 0, after: () => () => {} }

function accessWith(allow = '', deny = '', listening = [{ address: '0.0.0.0', port: 3128 }]): Access {
  return createAccess({
    allow: parseExcludeList(allow),
    deny: parseExcludeList(deny),
    ownEndpoints: () => listening,
    localAddresses: () => ['127.0.0.1', '192.168.1.5'],
    closedNetwork: (address, client) =>
      client.address === REMOTE_CLIENT.address && address.startsWith('172.19.') ? { name: 'n6' } : undefined,
    clock,
  })
}

/** `ok`, or the source of the refusal. */
function judged(access: Access, text: string, client = LOCAL_CLIENT): string {
  return access.judgeTarget(queryFor(text, 'host', client))?.source ?? 'ok'
}

test('what is refused without any rule', async (t) => {
  const rows: [target: string, local: string, remote: string][] = [
    ['a.example:443', 'ok', 'ok'],
    ['192.0.2.1:443', 'ok', 'ok'],
    ['10.0.0.1:443', 'ok', 'ok'],
    ['[2001:db8::1]:443', 'ok', 'ok'],
    // Loopback: only to those who are there themselves.
    ['127.0.0.1:80', 'ok', 'access'],
    ['127.1:80', 'ok', 'access'],
    ['0x7f000001:80', 'ok', 'access'],
    ['127.255.0.1:80', 'ok', 'access'],
    ['[::1]:80', 'ok', 'access'],
    ['[::ffff:127.0.0.1]:80', 'ok', 'access'],
    ['[64:ff9b::127.0.0.1]:80', 'ok', 'access'],
    ['[2002:7f00:1::]:80', 'ok', 'access'],
    ['[::127.0.0.1]:80', 'ok', 'access'],
    ['0.0.0.0:80', 'ok', 'access'],
    ['0:80', 'ok', 'access'],
    ['[::]:80', 'ok', 'access'],
    ['localhost:80', 'ok', 'access'],
    ['LOCALHOST.:80', 'ok', 'access'],
    ['a.localhost:80', 'ok', 'access'],
    ['ip6-localhost:80', 'ok', 'access'],
    ['localhost.localdomain:80', 'ok', 'access'],
    ['localhost.example:80', 'ok', 'ok'],
    // Link-local and metadata: to nobody.
    ['169.254.1.1:80', 'access', 'access'],
    ['169.254.169.254:80', 'access', 'access'],
    ['2852039166:80', 'access', 'access'],
    ['[::ffff:a9fe:a9fe]:80', 'access', 'access'],
    ['[64:ff9b::a9fe:a9fe]:80', 'access', 'access'],
    ['[2002:a9fe:a9fe::]:80', 'access', 'access'],
    ['[fe80::1]:80', 'access', 'access'],
    ['[fd00:ec2::254]:80', 'access', 'access'],
    ['100.100.100.200:80', 'access', 'access'],
    ['168.63.129.16:80', 'access', 'access'],
    ['metadata.google.internal:80', 'access', 'access'],
    // Another network of the engine's, from which it keeps the client.
    ['172.19.0.2:80', 'ok', 'access'],
    ['[64:ff9b::172.19.0.2]:80', 'ok', 'access'],
    // The gateway itself: to nobody.
    ['127.0.0.1:3128', 'loop', 'loop'],
    ['0.0.0.0:3128', 'loop', 'loop'],
    ['localhost:3128', 'loop', 'loop'],
    ['[::1]:3128', 'loop', 'loop'],
    ['192.168.1.5:3128', 'loop', 'loop'],
    ['[64:ff9b::192.168.1.5]:3128', 'loop', 'loop'],
    ['192.168.1.6:3128', 'ok', 'ok'],
    ['192.168.1.5:3129', 'ok', 'ok'],
  ]
  const access = accessWith()
  for (const [target, local, remote] of rows) {
    t.equal(judged(access, target), local, `${target} for a local client`)
    t.equal(judged(access, target, REMOTE_CLIENT), remote, `${target} for a remote client`)
  }
})

test('allow and deny', async (t) => {
  const rows: [allow: string, deny: string, target: string, remote: string][] = [
    ['127.0.0.1:8080', '', '127.0.0.1:8080', 'ok'],
    ['127.0.0.1:8080', '', '127.0.0.1:8081', 'access'],
    ['127.0.0.0/8', '', '127.1:80', 'ok'],
    ['localhost', '', 'localhost:80', 'ok'],
    ['localhost', '', '127.0.0.1:80', 'access'],
    ['169.254.169.254', '', '169.254.169.254:80', 'ok'],
    ['169.254.169.254', '', '[64:ff9b::a9fe:a9fe]:80', 'ok'],
    ['metadata.google.internal', '', 'metadata.google.internal:80', 'ok'],
    ['169.254.0.0/16', '', '169.254.1.1:80', 'ok'],
    ['fe80::/10', '', '[fe80::1]:80', 'ok'],
    ['172.19.0.2', '', '172.19.0.2:80', 'ok'],
    ['172.19.0.0/16:5432', '', '172.19.0.2:80', 'access'],
    // An exception is no whitelist.
    ['b.example', '', 'a.example:443', 'ok'],
    // The gateway's own ports open only to an entry with the port.
    ['127.0.0.0/8 *', '', '127.0.0.1:3128', 'loop'],
    ['localhost', '', 'localhost:3128', 'loop'],
    ['127.0.0.1:3128', '', '127.0.0.1:3128', 'ok'],
    ['localhost:3128', '', 'localhost:3128', 'ok'],
    ['127.0.0.1:3129', '', '127.0.0.1:3128', 'loop'],
    // Deny.
    ['', 'a.example', 'a.example:443', 'access'],
    ['', 'a.example', 'x.a.example:443', 'access'],
    ['', '*.a.example:8443', 'x.a.example:443', 'ok'],
    ['', '10.0.0.0/8', '10.1.2.3:443', 'access'],
    ['', '10.0.0.0/8', '0xa010203:443', 'access'],
    ['', '10.0.0.0/8', '[64:ff9b::10.1.2.3]:443', 'access'],
    ['', '10.0.0.0/8', '[::ffff:10.1.2.3]:443', 'access'],
    ['', '10.0.0.0/8', '11.1.2.3:443', 'ok'],
    ['', '*:25', 'a.example:25', 'access'],
    ['', 'http://a.example', 'a.example:80', 'access'],
    ['', 'http://a.example', 'a.example:443', 'ok'],
    ['a.example', 'a.example', 'a.example:443', 'access'],
    ['a.example', '*', 'a.example:443', 'access'],
    ['*', '169.254.169.254', '169.254.169.254:80', 'access'],
  ]
  for (const [allow, deny, target, remote] of rows) {
    t.equal(judged(accessWith(allow, deny), target, REMOTE_CLIENT), remote, `allow ${allow}, deny ${deny}: ${target}`)
  }
})

test('the addresses of a name, before they are dialled', async (t) => {
  const rows: [allow: string, deny: string, asked: string, address: string, local: string, remote: string][] = [
    ['', '', 'a.example:443', '192.0.2.1', 'ok', 'ok'],
    ['', '', 'a.example:443', '2001:db8::1', 'ok', 'ok'],
    // A name that leads to where nobody may go (DNS rebinding).
    ['', '', 'a.example:443', '127.0.0.1', 'ok', 'ACCESS_DENIED'],
    ['', '', 'a.example:443', '::1', 'ok', 'ACCESS_DENIED'],
    ['', '', 'a.example:443', '::ffff:127.0.0.1', 'ok', 'ACCESS_DENIED'],
    ['', '', 'a.example:443', '0.0.0.0', 'ok', 'ACCESS_DENIED'],
    ['', '', 'a.example:443', '172.19.0.2', 'ok', 'ACCESS_DENIED'],
    ['', '', 'a.example:80', '169.254.169.254', 'ACCESS_DENIED', 'ACCESS_DENIED'],
    ['', '', 'a.example:80', '64:ff9b::a9fe:a9fe', 'ACCESS_DENIED', 'ACCESS_DENIED'],
    ['', '', 'a.example:80', 'fe80::1', 'ACCESS_DENIED', 'ACCESS_DENIED'],
    ['', '', 'a.example:80', 'fe80::1%eth0', 'ACCESS_DENIED', 'ACCESS_DENIED'],
    ['', '', 'a.example:3128', '192.168.1.5', 'LOOP_DETECTED', 'LOOP_DETECTED'],
    ['', '', 'a.example:3128', '127.0.0.1', 'LOOP_DETECTED', 'LOOP_DETECTED'],
    // Rules by name and by address.
    ['a.example', '', 'a.example:443', '127.0.0.1', 'ok', 'ok'],
    ['127.0.0.1', '', 'a.example:443', '127.0.0.1', 'ok', 'ok'],
    ['a.example', '', 'a.example:443', '172.19.0.2', 'ok', 'ok'],
    ['b.example', '', 'a.example:443', '127.0.0.1', 'ok', 'ACCESS_DENIED'],
    ['a.example', '', 'a.example:3128', '127.0.0.1', 'LOOP_DETECTED', 'LOOP_DETECTED'],
    ['a.example:3128', '', 'a.example:3128', '127.0.0.1', 'ok', 'ok'],
    ['', '10.0.0.0/8', 'a.example:443', '10.1.1.1', 'ACCESS_DENIED', 'ACCESS_DENIED'],
    ['', '10.0.0.0/8', 'a.example:443', '::ffff:10.1.1.1', 'ACCESS_DENIED', 'ACCESS_DENIED'],
    ['a.example', '10.0.0.0/8', 'a.example:443', '10.1.1.1', 'ACCESS_DENIED', 'ACCESS_DENIED'],
    ['', 'a.example', 'a.example:443', '192.0.2.1', 'ACCESS_DENIED', 'ACCESS_DENIED'],
    ['', '10.0.0.0/8:80', 'a.example:443', '10.1.1.1', 'ok', 'ok'],
    // An address asked for as one.
    ['', '', '127.0.0.1:443', '127.0.0.1', 'ok', 'ACCESS_DENIED'],
  ]
  for (const [allow, deny, asked, address, local, remote] of rows) {
    const access = accessWith(allow, deny)
    for (const [client, expected] of [
      [LOCAL_CLIENT, local],
      [REMOTE_CLIENT, remote],
    ] as const) {
      const query = queryFor(asked, 'host', client)
      const error = access.judgeAddress(address, query.target.port, query)
      t.equal(
        error?.code ?? 'ok',
        expected,
        `allow ${allow}, deny ${deny}: ${asked} at ${address}, local ${client.local}`,
      )
      if (error) t.ok(error.hint, 'says what to do')
    }
  }
})

test("on the gateway's own account only its own ports are refused", async (t) => {
  const access = accessWith('', '*')
  t.equal(access.judgeAddress('127.0.0.1', 8080, undefined), undefined)
  t.equal(access.judgeAddress('169.254.169.254', 80, undefined), undefined)
  const loop = access.judgeAddress('127.0.0.1', 3128, undefined)
  t.equal(loop?.code, 'LOOP_DETECTED')
  t.match(loop?.hint, /point it at the upstream proxy/, 'an upstream that is the gateway is a fault of the settings')
  const asked = accessWith().judgeAddress('127.0.0.1', 3128, queryFor('a.example:3128'))
  t.match(asked, { code: 'LOOP_DETECTED', hint: /Ask for the real target/ })
  t.equal(access.isOwnEndpoint('192.168.1.5', 3128), true)
})

test('reasons are readable', async (t) => {
  const because = accessWith('', 'b.example *.corp.example').judgeTarget(queryFor('x.corp.example:443'))
  t.same(because, { source: 'access', detail: 'access.deny entry "*.corp.example" (2nd) matches x.corp.example' })
  t.equal(accessWith().judgeTarget(queryFor('[::1]:3128'))?.detail, '[::1]:3128 is the gateway itself')
  t.match(
    accessWith().judgeTarget(queryFor('127.1:80', 'host', REMOTE_CLIENT))?.detail,
    /127\.0\.0\.1 is the gateway's own loopback/,
  )
  t.match(
    accessWith().judgeTarget(queryFor('172.19.0.2:80', 'containers', REMOTE_CLIENT))?.detail,
    /^172\.19\.0\.2 is in the container network n6, and the client is outside it$/,
  )
})

test('a name that a captured client merely writes opens no exception, and what it denies is denied', async (t) => {
  const access = accessWith('printer.example, 169.254.10.20', 'bad.example, 192.0.2.9')
  const rows: [name: string, dialled: string, unverified: boolean, source: string][] = [
    ['printer.example', '169.254.169.254', true, 'access'],
    ['printer.example', '169.254.10.20', true, 'ok'], // by its address
    ['printer.example', '169.254.10.21', false, 'ok'],
    ['other.example', '192.0.2.1', true, 'ok'],
    ['other.example', '192.0.2.9', true, 'access'],
    ['bad.example', '192.0.2.1', true, 'access'],
  ]
  for (const [name, address, unverified, source] of rows) {
    const query = queryFor(`${name}:443`, 'containers', REMOTE_CLIENT)
    const dialled = { host: address, family: 4, port: 443 } as const
    const captured = { dialled, nameSource: 'sni' as const, ...(unverified ? { unverified } : {}) }
    const asked = { ...query, captured }
    const title = `${name} at ${address}`
    t.equal(access.judgeTarget(asked)?.source ?? 'ok', source, title)
    t.equal(access.judgeAddress(address, 443, asked) === undefined, source === 'ok', title)
  }
})
