import { once } from 'node:events'
import { createServer } from 'node:http'

const ID = 'c'.repeat(64)

/** As much of an engine's API as the reverse door reads: one container, at `address` of `subnet`. */
export async function startEngineStub(path: string, address: string, subnet: string): Promise<{ stop(): void }> {
  const networks = { bench: { NetworkID: ID, EndpointID: ID, IPAddress: address, GlobalIPv6Address: '', Aliases: [] } }
  const container = { Id: ID, NetworkSettings: { Networks: networks } }
  const answers: Readonly<Record<string, unknown>> = {
    '/version': { Version: '20.10.24', ApiVersion: '1.41', MinAPIVersion: '1.12' },
    '/networks': [
      { Id: ID, Name: 'bench', Driver: 'bridge', Internal: false, IPAM: { Config: [{ Subnet: subnet }] }, Options: {} },
    ],
    '/containers/json': [{ ...container, Names: ['/origin'], Image: 'bench', State: 'running', Labels: {} }],
    [`/containers/${ID}/json`]: container,
  }
  const server = createServer((request, response) => {
    const asked = request.url!.replace(/^\/v[\d.]+|\?.*/g, '')
    response.writeHead(asked === '/events' || asked in answers ? 200 : 404, { 'content-type': 'application/json' })
    // Nothing ever happens here.
    if (asked === '/events') response.flushHeaders()
    else response.end(JSON.stringify(answers[asked]))
  }).listen(path)
  await once(server, 'listening')
  return {
    stop: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
