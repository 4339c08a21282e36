import t from 'tap'
import { parseCidr } from '../../../../src/settings/values/cidr.ts'
import { MAX_PAC_BYTES, parsePacLocation, parsePacScript } from '../../../../src/settings/values/pac-location.ts'
import { formatPortRanges, parsePortRanges } from '../../../../src/settings/values/port-ranges.ts'
import { parseSecretReference } from '../../../../src/settings/values/secret-reference.ts'
import { parseStatusAddress } from '../../../../src/settings/values/status-address.ts'
import { reads, refuses } from '../../../fixtures/settings/value-table.ts'

reads('ports', (value) => formatPortRanges(parsePortRanges(value)), [
  ['80,443', '80,443'],
  ['443, 80', '80,443'],
  ['80 443;8080', '80,443,8080'],
  ['8000-8999', '8000-8999'],
  ['1-10,5-20,21', '1-21'],
  ['*', '*'],
  ['80,*', '*'],
  ['1-65535', '*'],
  ['', ''],
  [',', ''],
  [443, '443'],
  [[80, '443', '8000-8001'], '80,443,8000-8001'],
  [[], ''],
])
refuses('ports', parsePortRanges, [
  ['0', 'from 1 to 65535'],
  ['65536', 'from 1 to 65535'],
  ['90-80', 'runs backwards'],
  ['http', 'is no port'],
  ['80-', 'is no port'],
  ['-80', 'is no port'],
  ['80-90-100', 'is no port'],
  [-1, 'is no port'],
  [1.5, 'is no port'],
  [true, 'is no port'],
  [[[80]], 'a list is no port'],
])

reads('address block', parseCidr, [
  ['10.0.0.0/8', '10.0.0.0/8'],
  ['10.1.2.3', '10.1.2.3/32'],
  ['2001:db8::/32', '2001:db8::/32'],
  ['::1', '::1/128'],
  ['0.0.0.0/0', '0.0.0.0/0'],
])
refuses('address block', parseCidr, [
  ['', 'is not an address block'],
  ['10/8', 'is not an address block'],
  ['10.0.0.0/33', '/0 to /32'],
  ['::/129', '/0 to /128'],
  ['10.0.0.0/', 'is not an address block'],
  ['fe80::1%eth0/64', 'is not an address block'],
  ['example.com', 'is not an address block'],
  [10, 'is not an address block'],
])

t.test('secrets', async (t) => {
  const literal = parseSecretReference('pa:ss@wörd')
  t.equal(literal.kind === 'literal' && literal.secret.reveal(), 'pa:ss@wörd')
  t.equal(JSON.stringify(literal), '{"kind":"literal","secret":"***"}')
  t.strictSame(parseSecretReference('env:NAME_1'), { kind: 'env', name: 'NAME_1' })
  t.strictSame(parseSecretReference('file:/run/secrets/x'), { kind: 'file', path: '/run/secrets/x' })
  t.strictSame(parseSecretReference('file:///run/x'), { kind: 'file', path: '/run/x' })
  t.strictSame(parseSecretReference('file:x'), { kind: 'file', path: 'x' })
})
refuses('secret', parseSecretReference, [
  ['env:', 'env: is not followed'],
  ['env:A B', 'env: is not followed'],
  ['env:1A', 'env: is not followed'],
  ['env:$A', 'env: is not followed'],
  ['file:', 'file: is not followed'],
  [12345, 'in quotes'],
  [true, 'the password is true'],
  [{ a: 1 }, 'a group of keys'],
  [undefined, 'nothing'],
])

reads<unknown>('PAC location', parsePacLocation, [
  ['https://wpad.example/proxy.pac', { kind: 'url', url: 'https://wpad.example/proxy.pac' }],
  ['HTTP://wpad.example', { kind: 'url', url: 'http://wpad.example/' }],
  ['file:///etc/a%20b.pac', { kind: 'file', path: '/etc/a b.pac' }],
  ['pac/office.pac', { kind: 'file', path: 'pac/office.pac' }],
  ['', undefined],
])
refuses('PAC location', parsePacLocation, [
  ['ftp://x/y', 'cannot be had over ftp'],
  ['http://', 'is not a URL'],
  ['http://u:p@h/x.pac', 'holds user information'],
  ['file://host/x', 'names no file'],
  ['function FindProxyForURL(u, h) { return "DIRECT" }', 'Move the script to embeddedPac'],
  ['a\nb', 'A script goes into embeddedPac'],
  [3, 'a number'],
  [['a'], 'a list'],
])
refuses('PAC script', parsePacScript, [
  ['https://wpad.example/proxy.pac', 'goes into pac'],
  [`// FindProxyForURL ${'x'.repeat(MAX_PAC_BYTES)}`, 'at most 1 MiB'],
  [5, 'a number'],
])

refuses('status address', parseStatusAddress, [
  ['0.0.0.0:9090', 'must not be reachable'],
  ['[::]:9090', 'must not be reachable'],
  ['on', 'is not a listening address'],
])
