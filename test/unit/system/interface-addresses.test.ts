import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { interfaceAddresses, portableAddresses } from '../../../src/system/interface-addresses.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

t.test('what Node lists is among them, with the same words', async (t) => {
  const all = interfaceAddresses()
  for (const one of portableAddresses()) t.ok(all.some((other) => JSON.stringify(other) === JSON.stringify(one)))
  t.match(
    all.find(({ address }) => address === '127.0.0.1'),
    { address: '127.0.0.1', bits: 8 },
  )
})

t.test('a bridge without a container has its address all the same', async (t) => {
  const why = whyNoNamespace()
  if (why) {
    if (process.env['CI'] === 'true') t.fail(why)
    else t.pass(`SKIPPED: ${why}`)
    return
  }
  const script = `
    ip link set lo up
    ip link add docker0 type bridge
    ip address add 172.17.0.1/16 dev docker0
    ip address add fd00:17::1/64 dev docker0 nodad
    ip link add unplugged type veth peer name nowhere
    ip link set unplugged master docker0
    ip link set docker0 up
    until ip link show docker0 | grep -q NO-CARRIER; do sleep 0.05; done
    exec "$@"`
  const program = [process.execPath, '--import=tsx', 'test/fixtures/idle-bridge.ts']
  const said = execFileSync('unshare', ['--net', 'sh', '-ec', script, 'sh', ...program], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  t.strictSame(JSON.parse(said), {
    own: [true, true, false],
    host: ['172.17.0.1', 'fd00:17::1'],
    told: '"http://172.17.0.1:3128"',
  })
})

function whyNoNamespace(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are Linux’s'
  return process.getuid?.() === 0 ? undefined : 'a network namespace needs root'
}
