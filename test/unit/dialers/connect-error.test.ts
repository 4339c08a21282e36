import net from 'node:net'
import t from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import type { ErrorCode } from '../../../src/contracts/gateway-error.ts'
import { connectError } from '../../../src/dialers/connect-error.ts'
import { raceConnects } from '../../../src/dialers/happy-eyeballs.ts'
import { statusOf } from '../../../src/wire/http-reply.ts'
import { SocksConversation } from '../../../src/wire/socks-conversation.ts'
import { SOCKS5_REPLY, type Socks5Reply } from '../../../src/wire/socks5.ts'

// Every way in which Linux ends a connect(2) over IP, from the system call's error to what each kind of client is told. "General failure" is said
// only of what is this machine's own: clients take it for a broken proxy.

const { generalFailure, networkUnreachable, connectionRefused, ttlExpired } = SOCKS5_REPLY

const ROWS: readonly (readonly [errnos: string, code: ErrorCode, socks5: Socks5Reply, http: number])[] = [
  // ICMP port unreachable or a reset; a reset that came before this process looked; one that was a server's own doing; "no TCP here".
  ['ECONNREFUSED', 'CONNECT_REFUSED', connectionRefused, 502],
  ['ECONNRESET ECONNABORTED EPIPE', 'CONNECT_RESET', connectionRefused, 502],
  ['ENOPROTOOPT', 'CONNECT_REFUSED', connectionRefused, 502],
  ['ETIMEDOUT', 'CONNECT_TIMEOUT', ttlExpired, 504],
  // No answer to ARP, ICMP host unreachable and its kin: unknown, isolated, ICMP parameter problem.
  ['EHOSTUNREACH EHOSTDOWN ENONET EPROTO', 'HOST_UNREACHABLE', networkUnreachable, 502],
  // A firewall's: here, by a `prohibit` route, or ICMPv6 "administratively prohibited". ICMPv4 says EHOSTUNREACH for the same.
  ['EACCES EPERM', 'HOST_UNREACHABLE', networkUnreachable, 502],
  // No route; the interface is down or gone; a `blackhole` route; no address of ours to send from.
  ['ENETUNREACH ENETDOWN ENODEV ENXIO ENETRESET', 'NETWORK_UNREACHABLE', networkUnreachable, 502],
  ['EINVAL EADDRNOTAVAIL EAFNOSUPPORT', 'NETWORK_UNREACHABLE', networkUnreachable, 502],
  // This machine's own.
  ['EMFILE ENFILE ENOBUFS ENOMEM EAGAIN', 'LIMIT_REACHED', generalFailure, 503],
  ['EWHATEVER', 'CONNECT_FAILED', generalFailure, 502],
]

t.test('what each client is told of a connect that failed', (t) => {
  for (const [errnos, code, socks5, http] of ROWS) {
    for (const errno of errnos.split(' ')) {
      const cause = Object.assign(new Error(errno), { code: errno })
      const error = connectError({ host: '172.20.0.5', family: 4, port: 80 }, [{ address: '172.20.0.5', error: cause }])
      t.equal(error.code, code, errno)
      t.equal(statusOf(error.code), http, `${errno} in HTTP`)
      t.equal(replyTo(socks5Request(), error.code)[1], socks5, `${errno} in SOCKS5`)
      t.same([...replyTo(socks4Request(), error.code).subarray(0, 2)], [0, 91], `${errno} in SOCKS4`)
      t.match(error.message, /^172\.20\.0\.5:80 \w/)
    }
  }
  t.end()
})

t.test(
  'a server that ends between the handshake and our look: the system says ECONNRESET, the client "refused"',
  async (t) => {
    const server = net.createServer().listen(0, '127.0.0.1')
    t.teardown(() => server.close())
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as net.AddressInfo
    const open = (host: string): net.Socket => {
      const socket = net.connect({ host, port, autoSelectFamily: false })
      socket.on('error', () => {})
      // Node connects on its next tick, and looks at what came of it after the one behind that.
      process.nextTick(() => process.nextTick(() => server.close()))
      return socket
    }
    const { signal } = new AbortController()
    const race = await raceConnects({ addresses: ['127.0.0.1'], open, clock: systemClock, signal, attemptDelayMs: 250 })
    const failures = 'failures' in race ? race.failures : []
    t.same(
      failures.map(({ error }) => error.code),
      ['ECONNRESET'],
    )
    const { code } = connectError({ host: '127.0.0.1', family: 4, port }, failures)
    t.equal(replyTo(socks5Request(), code)[1], connectionRefused)
  },
)

function replyTo(request: Buffer, code: ErrorCode): Buffer {
  const conversation = new SocksConversation()
  conversation.push(request)
  return conversation.reply(code)
}

function socks5Request(): Buffer {
  return Buffer.from('050100 05010001 ac140005 0050'.replaceAll(' ', ''), 'hex')
}

function socks4Request(): Buffer {
  return Buffer.from('0401 0050 ac140005 00'.replaceAll(' ', ''), 'hex')
}
