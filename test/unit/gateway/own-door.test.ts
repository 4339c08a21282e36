import type { Socket } from 'node:net'
import t from 'tap'
import { ownDoorFor } from '../../../src/gateway/own-door.ts'
import { targetFromHost } from '../../../src/wire/target.ts'
import { loadText } from '../../fixtures/settings/load-text.ts'

t.test(
  'http.docker.internal:3128 is the containers’ door, for captured connections to the gateway’s own address',
  async (t) => {
    const given = 'dns: { gatewayAddress: ["10.99.0.1", "fd99::1"] }'
    const rows: [what: string, settings: string, host: string, port: number, isDoor: boolean][] = [
      ['as the reference has it', '', '192.168.65.1', 3128, true],
      ['another port of it', '', '192.168.65.1', 3129, false],
      ['DNS of it', '', '192.168.65.1', 53, false],
      ['the host', '', '192.168.65.254', 3128, false],
      ['a proxy elsewhere', '', '203.0.113.1', 3128, false],
      ['an address of the settings', given, '10.99.0.1', 3128, true],
      ['over IPv6', given, 'fd99::1', 3128, true],
      ['what was the address before', given, '192.168.65.1', 3128, false],
    ]
    for (const [what, text, host, port, isDoor] of rows) {
      const { settings } = (await loadText(text)).loaded!
      const forContainers = (_socket: Socket) => {}
      const target = targetFromHost(host, port)
      t.equal(ownDoorFor(target, settings, { forContainers }), isDoor ? forContainers : undefined, what)
      t.equal(ownDoorFor(target, settings, { forContainers: undefined }), undefined, `${what}: there is no such door`)
    }
  },
)
