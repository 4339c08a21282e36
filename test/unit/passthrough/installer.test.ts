import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { type CapturePlan, TABLE } from '../../../src/passthrough/rules/capture-plan.ts'
import { Installer, renderInstallation } from '../../../src/passthrough/rules/installer.ts'
import { readRules } from '../../../src/passthrough/rules/routing.ts'
import { runCommand } from '../../../src/passthrough/rules/run-command.ts'
import { BARE_PLAN } from '../../fixtures/bare-capture-plan.ts'
import { mayUseNft } from '../../fixtures/may-use-nft.ts'

const PLAN: CapturePlan = { ...BARE_PLAN, interfaces: ['br0'] }
const OURS = [
  '7765: from all fwmark 0xf12000 iif lo goto 7767 proto 166',
  '7766: from all fwmark 0xf12000 lookup 7766 proto 166',
  '7767: from all fwmark 0xf12000 nop proto 166',
]
/** A container behind the bridge, and somebody outside. */
const ADDRESSES = { 4: ['172.30.1.2', '198.51.100.2'], 6: ['fd00:30:1::2', '2001:db8:5::2'] } as const
const FAMILIES = [4, 6] as const

t.test('what a dry run shows: each rule has somewhere to lead when it comes', async (t) => {
  const commands = renderInstallation(PLAN, [6]).split('\n\n')[0]
  t.equal(
    commands,
    `ip -6 route replace local ::/0 dev lo table 7766 proto 166
ip -6 rule add fwmark 0xf12000 nop priority 7767 protocol 166
ip -6 rule add iif lo fwmark 0xf12000 goto 7767 priority 7765 protocol 166
ip -6 rule add fwmark 0xf12000 lookup 7766 priority 7766 protocol 166`,
  )
})

t.test('rules with our stamp that are none of ours', async (t) => {
  const rules = [{ priority: 9, src: 'all', fwmark: '0x1', action: 'unreachable', protocol: '166' }]
  t.same(readRules(JSON.stringify([...rules, { priority: 0, src: 'all', table: 'local' }])), [])
})

t.test('whose the table is, where nobody can tell: nothing is taken for ours', async (t) => {
  const installer = new Installer([4], async () => ({ code: null, stdout: '', stderr: '' }))
  await t.rejects(installer.isAnothers(PLAN), { message: /nft list table inet fairlead` failed/ })
})

t.test(
  'a gateway that begins to capture deletes the same rules: what was taken away of them is put back',
  async (t) => {
    const listed = [7765, 7766].map((priority) => ({ priority, fwmark: '0xf12000', table: '7766', protocol: '166' }))
    for (const captures of [true, false]) {
      const added: string[] = []
      const installer = new Installer([4], async (command) => {
        const said = command.join(' ')
        if (said.includes('rule add')) added.push(said)
        const fails = said.includes('rule delete')
          ? said.includes('7766 protocol')
          : said.startsWith('nft list') && !captures
        return {
          code: fails ? 2 : 0,
          stdout: said.endsWith('rule show') ? JSON.stringify(listed) : '',
          stderr: fails ? 'RTNETLINK answers: No such file or directory' : '',
        }
      })
      const removed = installer.removeDead('7')
      if (captures) t.equal(await removed, false)
      else await t.rejects(removed, { message: /rule delete .*priority 7766 .* failed/ })
      t.same(added, captures ? ['ip -4 rule add fwmark 0xf12000 lookup 7766 priority 7765 protocol 166'] : [])
    }
  },
)

t.test('in a kernel', async (t) => {
  if (!mayUseNft(t)) return
  const { pid } = await namespace(t)
  const inside = (...command: string[]) => ['nsenter', '-t', String(pid), '-n', ...command] as const
  const ip = (...words: string[]) => {
    const [program, ...rest] = inside('ip', ...words)
    return execFileSync(program!, rest, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  }
  const rules = (family: 4 | 6) =>
    ip(`-${family}`, 'rule')
      .split('\n')
      .map((line) => line.replaceAll(/\s+/g, ' ').trim())
      .filter((line) => line.endsWith('proto 166'))
  const installer = new Installer(FAMILIES, (command, input) => runCommand(inside(...command), input))
  const install = (plan = PLAN) => installer.install(plan, () => {})
  ip('link', 'set', 'lo', 'up')
  ip('link', 'add', 'br0', 'type', 'bridge')
  ip('link', 'set', 'br0', 'up')
  ip('address', 'add', '172.30.1.1/24', 'dev', 'br0')
  ip('address', 'add', 'fd00:30:1::1/64', 'dev', 'br0', 'nodad')

  await t.test('marked packets that come in lead to us; what the machine itself looks up does not', async (t) => {
    await install()
    for (const family of FAMILIES) {
      const [container, outside] = ADDRESSES[family]
      const route = (...words: string[]) => ip(`-${family}`, 'route', 'get', ...words, 'mark', '0xf12000')
      t.match(route(outside, 'from', container, 'iif', 'br0'), /^local .* dev lo table 7766/)
      t.match(route(container), / dev br0 /, 'the way back to a container, whatever the mark')
      // A user's own rule: a VPN's table, say.
      ip(`-${family}`, 'route', 'add', 'unreachable', container, 'table', '99')
      ip(`-${family}`, 'rule', 'add', 'to', container, 'lookup', '99', 'priority', '20000')
      t.throws(() => route(container), /unreachable|No route to host/i, 'by the rules that hold for it anyway')
      ip(`-${family}`, 'rule', 'delete', 'priority', '20000')
      t.same(rules(family), OURS)
    }
    t.equal(await installer.stands(PLAN), true)
  })

  for (const [family, priority] of [
    [4, '7765'],
    [6, '7766'],
    [4, '7767'],
  ] as const) {
    await t.test(`rule ${priority} of IPv${family} is gone: noticed, and put back`, async (t) => {
      ip(`-${family}`, 'rule', 'delete', 'priority', priority)
      t.equal(await installer.stands(PLAN), false)
      await install()
      t.equal(await installer.stands(PLAN), true)
      t.same(rules(family), OURS)
    })
  }

  await t.test('another mark and table: nothing is left of those before', async (t) => {
    await install({ ...PLAN, mark: 0xf1b000, routeTable: 7788 })
    for (const family of FAMILIES) {
      t.same(rules(family), [
        '7765: from all fwmark 0xf1b000 iif lo goto 7767 proto 166',
        '7766: from all fwmark 0xf1b000 lookup 7788 proto 166',
        '7767: from all fwmark 0xf1b000 nop proto 166',
      ])
    }
    t.equal(await installer.stands(PLAN), false)
    await install()
    for (const family of FAMILIES) t.same(rules(family), OURS, 'and back')
  })

  await t.test(
    'what a killed gateway has left: taken away, but not from one that begins to capture meanwhile',
    async (t) => {
      const handle = async () => {
        const { stdout } = await runCommand(inside('nft', '-a', 'list', 'table', 'inet', TABLE))
        return /# handle (\d+)/.exec(stdout)![1]!
      }
      /** One that lets something happen before its first command that begins so. */
      const interrupted = (before: string, happens: () => Promise<unknown>) => {
        let isOver = false
        return new Installer(FAMILIES, async (command, input) => {
          if (!isOver && command.join(' ').startsWith(before)) {
            isOver = true
            await happens()
          }
          return runCommand(inside(...command), input)
        })
      }
      const old = await handle()
      await install()
      t.equal(await installer.removeDead(old), false, 'its table stands since')
      t.equal(await installer.stands(PLAN), true)

      const late = await handle()
      await interrupted('nft -f', async () => t.equal(await installer.removeDead(late), true)).install(PLAN, () => {})
      t.equal(await installer.stands(PLAN), true, 'it had found the policy rules, and comes with its table')

      const last = await handle()
      t.equal(await interrupted('ip -4 rule delete', install).removeDead(last), false)
      t.equal(await installer.stands(PLAN), true, 'it comes between the table’s end and that of the policy rules')

      t.equal(await installer.removeDead(await handle()), true)
      for (const family of FAMILIES) t.same(rules(family), [])
      t.equal(ip('route', 'show', 'table', 'all', 'proto', '166'), '')
      await install()
    },
  )

  await t.test('removed: nothing of ours is left, and nobody else’s is gone', async (t) => {
    ip('rule', 'add', 'fwmark', '0xf12000', 'lookup', '99', 'priority', '7768')
    t.equal(await installer.isAnothers(PLAN), false)
    t.equal(await installer.isAnothers(undefined), true, 'whose, where none of ours were put?')
    await installer.remove()
    for (const family of FAMILIES) t.same(rules(family), [])
    t.equal(await installer.isAnothers(undefined), false, 'nobody’s')
    t.match(ip('rule'), /^7768:\tfrom all fwmark 0xf12000 lookup 99/m)
    await installer.remove()
  })
})

/** A network of its own, for as long as the test runs. */
async function namespace(t: Test): Promise<ChildProcess> {
  const child = spawn('unshare', ['-n', 'sh', '-c', 'echo there && exec cat >/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.teardown(async () => {
    const exited = once(child, 'exit')
    child.stdin.end()
    await exited
  })
  await once(child.stdout, 'data')
  return child
}
