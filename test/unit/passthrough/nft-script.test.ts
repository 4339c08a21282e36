import { execFileSync, spawnSync } from 'node:child_process'
import t from 'tap'
import type { CapturePlan } from '../../../src/passthrough/rules/capture-plan.ts'
import { nftMembers, nftRemoval, nftScript } from '../../../src/passthrough/rules/nft-script.ts'
import { mayUseNft } from '../../fixtures/may-use-nft.ts'

const PLAN: CapturePlan = {
  mark: 0xf12000,
  routeTable: 7766,
  interfaces: ['docker0'],
  sources: [],
  own: ['172.17.0.0/16', 'fd00:17::/64'],
  tcp: { ports: [{ from: 1, to: 65_535 }], to: { 4: 40_004, 6: 40_006 } },
  otherPorts: 'bypass',
  udp: { kind: 'bypass' },
  special: [],
  hosts: [],
  hold: { queue: 7766, by: 'nft' },
}

t.test('the whole script', async (t) => {
  t.equal(
    nftScript(PLAN),
    `table inet fairlead
delete table inet fairlead
table inet fairlead {
  set interfaces {
    type ifname
    elements = { "docker0" }
  }
  set sources4 {
    type ipv4_addr
    flags interval
    auto-merge
  }
  set sources6 {
    type ipv6_addr
    flags interval
    auto-merge
  }
  set own4 {
    type ipv4_addr
    flags interval
    auto-merge
    elements = { 172.17.0.0/16 }
  }
  set own6 {
    type ipv6_addr
    flags interval
    auto-merge
    elements = { fd00:17::/64 }
  }
  chain bridged {
    # A bridge may have shown this packet to \`prerouting\` already (br_netfilter), and has lost the socket it was given to there.
    # As the very first, for what follows skips the other chains for such packets.
    type filter hook prerouting priority -2147483648; policy accept;
    meta mark 0x00f12000 goto deliver
  }
  chain prerouting {
    type filter hook prerouting priority mangle; policy accept;
    meta mark 0x00f12000 goto deliver
    meta mark 0x00f12001 meta l4proto tcp reject with tcp reset
    meta mark 0x00f12002 reject with icmpx type host-unreachable
    meta mark 0x00f12003 reject with icmpx type no-route
    # What routers say of packets that we have sent to clients, as by whom they were sent for: that they are too large, say. To the socket of ours.
    meta l4proto { icmp, ipv6-icmp } socket transparent 1 meta mark set 0x00f12000 accept
    meta l4proto != { tcp, udp } return
    iifname @interfaces goto client
    ip saddr @sources4 goto client
    ip6 saddr @sources6 goto client
  }
  chain client {
    # Packets of connections that the gateway holds already. Not so for datagrams: the sockets that their replies leave by are not read. Nor for a
    # SYN: one with the ports of a connection that has just ended is a new attempt, to be held, and only the listener below opens what is left of that one.
    tcp flags & (fin | syn | rst | ack) != syn socket transparent 1 meta mark set 0x00f12000 accept
    # What answers somebody who came in from outside: by a published port, or routed here. TCP that begins here begins with a SYN. Not so for
    # datagrams without a translation: one that our own late answer has begun anew would go past the policy.
    ct direction reply ct status dnat return
    tcp flags & (fin | syn | rst | ack) != syn ct direction reply return
    # A source that does not lead back by where it came in is feigned, or another container’s: rules for that one do not hold for this. Datagrams
    # to the doors of this machine need no way back to speak in its name.
    meta l4proto udp fib daddr type local iifname @interfaces fib saddr . iif oif missing drop
    # To this machine itself (its doors, published ports), to everybody, and between containers: none of our business.
    fib daddr type { local, broadcast, anycast, multicast } return
    ip daddr @own4 return
    ip6 daddr @own6 return
    ip6 daddr fe80::/10 return
    # Feigned likewise, to elsewhere.
    iifname @interfaces fib saddr . iif oif missing drop
    # RFC 4291 §2.5.6: nothing from a link-local address leaves its link; and by it no container is known.
    ip6 saddr fe80::/10 drop
    tcp dport { 1-65535 } goto take_tcp
  }
  chain hold {
    queue num 7766
  }
  chain take_tcp {
    tcp flags & (fin | syn | rst | ack) == syn jump hold
    goto deliver
  }
  chain deliver {
    # It has found its socket by what it holds.
    meta l4proto { icmp, ipv6-icmp } accept
    meta l4proto tcp meta mark set 0x00f12000 tproxy ip to 127.0.0.1:40004 accept
    meta l4proto tcp meta mark set 0x00f12000 tproxy ip6 to [::1]:40006 accept
    # Nobody listens: the gateway has gone, or has no socket of this family. Closed, not open.
    meta l4proto tcp reject with tcp reset
    reject with icmpx type port-unreachable
  }
  chain answers {
    # From a port that the gateway could not have: it comes by another, and by this priority. As the very first, so that conntrack and all others see
    # the right one.
    type filter hook output priority -2147483648; policy accept;
    meta priority 6661:6972 socket transparent 1 udp sport set udp sport ^ 64512 meta priority set none
  }
}
`,
  )
})

/** A setting and the lines of the script that it adds or takes away. */
const rows: readonly {
  readonly title: string
  readonly plan: { readonly [Key in keyof CapturePlan]?: CapturePlan[Key] | undefined }
  readonly has: string[]
  readonly not?: string[]
}[] = [
  {
    title: 'some ports, the others refused',
    plan: {
      tcp: {
        ports: [
          { from: 80, to: 80 },
          { from: 8000, to: 8999 },
        ],
        to: { 4: 1 },
      },
      otherPorts: 'refuse',
    },
    has: ['tcp dport { 80, 8000-8999 } goto take_tcp', 'meta l4proto tcp reject with tcp reset'],
    not: ['tproxy ip6'],
  },
  { title: 'no port at all', plan: { tcp: { ports: [], to: {} } }, has: [], not: ['tcp dport', 'tproxy'] },
  {
    title: 'UDP refused: QUIC falls back at once',
    plan: { udp: { kind: 'deny' } },
    has: ['meta l4proto udp reject with icmpx type port-unreachable'],
  },
  {
    title: 'UDP taken',
    plan: { udp: { kind: 'take', to: { 4: 5 }, refused: [] } },
    has: [
      'meta l4proto udp ct status snat drop',
      'meta l4proto udp goto deliver',
      'meta l4proto udp meta mark set 0x00f12000 tproxy ip to 127.0.0.1:5 accept',
    ],
  },
  {
    title: 'UDP taken but for QUIC',
    plan: { udp: { kind: 'take', to: { 4: 5 }, refused: [{ from: 443, to: 443 }] } },
    has: ['udp dport { 443 } reject with icmpx type port-unreachable', 'meta l4proto udp goto deliver'],
  },
  {
    title: 'DNS to a server of ours',
    plan: {
      special: [
        { proto: 'udp', port: 53, to: { 4: 7, 6: 8 } },
        { proto: 'tcp', port: 53, to: { 4: 9 } },
      ],
      udp: { kind: 'deny' },
    },
    has: [
      'udp dport { 53 } ct status snat drop',
      'udp dport 53 goto deliver',
      'tcp dport 53 goto deliver',
      'udp dport 53 meta mark set 0x00f12000 tproxy ip to 127.0.0.1:7 accept',
      'udp dport 53 meta mark set 0x00f12000 tproxy ip6 to [::1]:8 accept',
      'tcp dport 53 meta mark set 0x00f12000 tproxy ip to 127.0.0.1:9 accept',
    ],
  },
  {
    title: 'the host and the gateway themselves, whatever holds for what leaves',
    plan: {
      tcp: { ports: [{ from: 443, to: 443 }], to: { 4: 1, 6: 2 } },
      otherPorts: 'refuse',
      udp: { kind: 'deny', to: { 4: 5 } },
      hosts: ['192.168.65.254', '192.168.65.1', 'fd99::1'],
    },
    has: [
      'ip daddr { 192.168.65.254, 192.168.65.1 } meta l4proto udp ct status snat drop',
      'ip daddr { 192.168.65.254, 192.168.65.1 } meta l4proto tcp goto take_tcp',
      'ip6 daddr { fd99::1 } meta l4proto tcp goto take_tcp',
      'ip daddr { 192.168.65.254, 192.168.65.1 } meta l4proto udp goto deliver',
      'meta l4proto udp meta mark set 0x00f12000 tproxy ip to 127.0.0.1:5 accept',
    ],
    not: ['meta l4proto udp meta mark set 0x00f12000 tproxy ip6', 'udp dport'],
  },
  {
    title: 'the host, where no socket takes datagrams',
    plan: { udp: { kind: 'bypass' }, hosts: ['192.168.65.254'] },
    has: ['ip daddr { 192.168.65.254 } meta l4proto tcp goto take_tcp'],
    not: ['meta l4proto udp goto', 'ct status snat'],
  },
  {
    title: 'by address, and without holding',
    plan: { interfaces: [], sources: ['10.0.0.0/8', '10.1.0.0/16', 'fd00::/8'], hold: undefined },
    has: ['elements = { 10.0.0.0/8, 10.1.0.0/16 }', 'elements = { fd00::/8 }'],
    not: ['queue', 'jump hold', 'chain hold', '0x00f12001'],
  },
  {
    title: 'held by a rule of its own',
    plan: { hold: { queue: 1, by: 'apart' } },
    has: ['jump hold', 'chain hold {'],
    not: ['queue num'],
  },
]

for (const { title, plan, has, not = [] } of rows) {
  t.test(title, async (t) => {
    const script = nftScript({ ...PLAN, ...plan } as CapturePlan)
    const lines = script.split('\n').map((line) => line.trim())
    const isBefore = (one: string, other: string) => script.indexOf(one) < script.indexOf(other)
    if (script.includes('reject with tcp reset\n') && script.includes('goto take_tcp')) {
      t.ok(isBefore('goto take_tcp', '    meta l4proto tcp reject with tcp reset'), 'taken before the rest is refused')
    }
    for (const line of has)
      t.ok(
        lines.some((one) => one.includes(line)),
        line,
      )
    for (const line of not)
      t.notOk(
        lines.some((one) => one.includes(line)),
        `not ${line}`,
      )
  })
}

t.test('in words that nft 0.9 reads too', async (t) => {
  const plans: Partial<CapturePlan>[] = [{}, ...rows.map(({ plan }) => plan as Partial<CapturePlan>)]
  for (const plan of plans) t.notMatch(nftScript({ ...PLAN, ...plan } as CapturePlan), /icmpx (?!type )/)
})

t.test('other networks', async (t) => {
  t.equal(
    nftMembers({ interfaces: ['br-1', 'br-2'], sources: ['10.0.0.0/8'], own: [] }),
    `flush set inet fairlead interfaces
add element inet fairlead interfaces { "br-1", "br-2" }
flush set inet fairlead sources4
add element inet fairlead sources4 { 10.0.0.0/8 }
flush set inet fairlead sources6
flush set inet fairlead own4
flush set inet fairlead own6
`,
  )
})

t.test('the kernel takes every script, and the removal leaves nothing', async (t) => {
  if (!mayUseNft(t)) return
  const nft = (...scripts: string[]) =>
    execFileSync(
      'unshare',
      [
        '-n',
        'sh',
        '-c',
        `${scripts.map(() => 'nft -f "$1" && shift').join(' && ')} && nft list tables`,
        'sh',
        ...scripts.map(asFile),
      ],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
    )
  const asFile = (script: string, index: number) => {
    const folder = t.testdir({ [`script${index}`]: script })
    return `${folder}/script${index}`
  }
  for (const { title, plan } of rows) {
    // nft's own `queue` needs a kernel option that small virtual machines lack.
    const script = nftScript({ ...PLAN, hold: { queue: 1, by: 'apart' }, ...plan } as CapturePlan)
    t.match(nft(script), 'table inet fairlead', title)
  }
  const script = nftScript({ ...PLAN, hold: { queue: 1, by: 'apart' } })
  t.equal(nft(`${script}${script}${nftMembers(PLAN)}${nftRemoval()}${nftRemoval()}`), '', 'twice on, twice off')
})

t.test(
  'the two forms that hold: nft knows its own; where the kernel does not, it is that line that nft complains of',
  async (t) => {
    if (!mayUseNft(t)) return
    const check = (by: 'nft' | 'apart') => {
      const folder = t.testdir({ script: nftScript({ ...PLAN, hold: { queue: 7766, by } }) })
      return spawnSync('unshare', ['-n', 'nft', '--debug=netlink', '-c', '-f', `${folder}/script`], {
        encoding: 'utf8',
      })
    }
    const apart = check('apart')
    t.equal(apart.status, 0, apart.stderr)
    const own = check('nft')
    t.match(own.stdout, /inet fairlead hold\s+\[ queue num 7766 \]/, 'what the kernel is asked for')
    const complaints = own.stderr.split('\n').filter((line) => /Error:/.test(line))
    t.match(complaints, own.status === 0 ? [] : [/No such file or directory|not supported/])
    // By this the choice is made.
    if (own.status !== 0) t.match(own.stderr, /queue num 7766/)
    t.comment(own.status === 0 ? 'this kernel has CONFIG_NFT_QUEUE' : 'this kernel has no CONFIG_NFT_QUEUE')
  },
)
