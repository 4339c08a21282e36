import { test } from 'tap'
import {
  embeddedIpv4,
  isCloudMetadata,
  isLinkLocal,
  isLoopback,
  isMulticast,
  isUnspecified,
  parseAddress,
} from '../../../src/wire/address.ts'

test('every spelling of an address has one canonical text', async (t) => {
  const rows: [text: string, address: string | undefined][] = [
    ['127.0.0.1', '127.0.0.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    // What WHATWG URL reads as IPv4.
    ['127.1', '127.0.0.1'],
    ['127.0.1', '127.0.0.1'],
    ['1.2.3', '1.2.0.3'],
    ['1.65535', '1.0.255.255'],
    ['1.16777215', '1.255.255.255'],
    ['2130706433', '127.0.0.1'],
    ['4294967295', '255.255.255.255'],
    ['0', '0.0.0.0'],
    ['0x7f000001', '127.0.0.1'],
    ['0X7F.1', '127.0.0.1'],
    ['0x7f.0x0.0x0.0x1', '127.0.0.1'],
    ['0x', '0.0.0.0'],
    ['017700000001', '127.0.0.1'],
    ['0177.0.0.1', '127.0.0.1'],
    ['010.010.010.010', '8.8.8.8'],
    ['127.0.0.1.', '127.0.0.1'],
    // What it does not.
    ['256.0.0.1', undefined],
    ['1.2.3.256', undefined],
    ['1.2.65536', undefined],
    ['1.16777216', undefined],
    ['4294967296', undefined],
    ['99999999999999999999999999', undefined],
    ['1.2.3.4.5', undefined],
    ['1.2.3.4..', undefined],
    ['1..2', undefined],
    ['08', undefined],
    ['1.2.3.09', undefined],
    ['0xg', undefined],
    ['1e3', undefined],
    ['-1', undefined],
    ['+1', undefined],
    [' 1.2.3.4', undefined],
    ['1.2.3.4 ', undefined],
    ['', undefined],
    ['.', undefined],
    ['a', undefined],
    ['1.2.3.a', undefined],
    // IPv6: RFC 4291 text in, RFC 5952 text out.
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:DB8::1', '2001:db8::1'],
    ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
    ['64:ff9b::10.0.0.1', '64:ff9b::a00:1'],
    ['::1.2.3.4', '::102:304'],
    ['::ffff:127.0.0.1', '127.0.0.1'],
    ['::ffff:7f00:1', '127.0.0.1'],
    ['0:0:0:0:0:ffff:10.1.2.3', '10.1.2.3'],
    ['::FFFF:0a01:0203', '10.1.2.3'],
    ['fe80::1%eth0', undefined],
    ['fe80::1%25eth0', undefined],
    ['[::1]', undefined],
    ['1:2:3:4:5:6:7', undefined],
    ['1:2:3:4:5:6:7:8:9', undefined],
    ['1:2:3:4:5:6:7:8::', undefined],
    ['1::2::3', undefined],
    [':::', undefined],
    [':1::', undefined],
    ['::1:', undefined],
    ['12345::', undefined],
    ['g::', undefined],
    ['::1.2.3', undefined],
    ['::1.2.3.4.5', undefined],
    ['::01.2.3.4', undefined],
    ['::1.2.3.4:5', undefined],
    ['1.2.3.4::', undefined],
    ['1:2:3:4:5:6:7:1.2.3.4', undefined],
    [`${'0'.repeat(60)}::`, undefined],
    [':'.repeat(100_000), undefined],
  ]
  for (const [text, address] of rows) t.equal(parseAddress(text)?.address, address, text.slice(0, 60))
})

test('agreement with the URL parser', async (t) => {
  for (const text of ['0x7f.1', '1.2.3', '0300.0250.0.1', '3232235777', '1.2.3.4.', '0x.0x.0', '1.256', '7.7.7.07']) {
    t.equal(parseAddress(text)?.address, new URL(`http://${text}/`).hostname, text)
  }
  for (const text of ['::', '1::8', '1:0:0:4:5:0:0:8', '0:0:0:4::', '::5:0:0', 'A:b:C:d:E:f:0:1', '1:0:3:0:5:0:7:0']) {
    t.equal(`[${parseAddress(text)?.address}]`, new URL(`http://[${text}]/`).hostname, text)
  }
})

test('classes of addresses', async (t) => {
  const rows: [address: string, loopback: boolean, linkLocal: boolean, unspecified: boolean, metadata: boolean][] = [
    ['127.0.0.1', true, false, false, false],
    ['127.255.255.254', true, false, false, false],
    ['::1', true, false, false, false],
    ['127.example', false, false, false, false],
    ['128.0.0.1', false, false, false, false],
    ['169.254.0.1', false, true, false, false],
    ['169.254.169.254', false, true, false, true],
    ['169.254.170.2', false, true, false, true],
    ['169.255.0.1', false, false, false, false],
    ['fe80::1', false, true, false, false],
    ['febf::1', false, true, false, false],
    ['fec0::1', false, false, false, false],
    ['fe8::1', false, false, false, false],
    ['0.0.0.0', false, false, true, false],
    ['::', false, false, true, false],
    ['fd00:ec2::254', false, false, false, true],
    ['100.100.100.200', false, false, false, true],
    ['168.63.129.16', false, false, false, true],
    ['192.0.2.1', false, false, false, false],
    ['2001:db8::1', false, false, false, false],
  ]
  for (const [address, ...expected] of rows) {
    t.same(
      [isLoopback(address), isLinkLocal(address), isUnspecified(address), isCloudMetadata(address)],
      expected,
      address,
    )
  }
})

test('the IPv4 address inside an IPv6 address', async (t) => {
  const rows: [address: string, embedded: string | undefined][] = [
    ['64:ff9b::a9fe:a9fe', '169.254.169.254'],
    ['64:ff9b:1::7f00:1', '127.0.0.1'],
    ['2002:7f00:1::', '127.0.0.1'],
    ['2002:a9fe:a9fe::1', '169.254.169.254'],
    ['::7f00:1', '127.0.0.1'],
    ['::ffff:0:7f00:1', '127.0.0.1'],
    ['::1', undefined],
    ['::', undefined],
    ['2001:db8::7f00:1', undefined],
    ['127.0.0.1', undefined],
    ['example.com', undefined],
  ]
  for (const [address, embedded] of rows) t.equal(embeddedIpv4(address), embedded, address)
})

test('multicast and broadcast', async (t) => {
  for (const address of ['224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255', 'ff02::1', 'ff0e::1']) {
    t.equal(isMulticast(address), true, address)
  }
  for (const address of ['223.255.255.255', '22.4.0.1', '192.168.65.254', 'fe80::1', 'fdc4:f303:9324::254', '::1']) {
    t.equal(isMulticast(address), false, address)
  }
})
