// The client: runs its probes once, writes what came of them to /logs/client.json, and stays.
import { renameSync, writeFileSync } from 'node:fs'
import { apt, banner, curl, git, node, ORIGIN, python, run, WAYS } from './probes.mjs'

const results = { environment: Object.keys(process.env), route: await run('ip', 'route', 'show', 'default') }
// First, for afterwards the gateway knows names that this client was told for the address.
results.address = await curl(`http://${ORIGIN}/`)
for (const way of WAYS) {
  const host = `${way}.example.test`
  results[way] = {
    http: await curl(`http://${host}/`),
    https: await curl(`https://${host}/`),
    python: await python(`https://${host}/`),
    node: await node(`https://${host}/`),
    git: await git(`https://${host}/files/project.git`),
    apt: await apt(`http://${host}/files/apt`),
    oldHttp: await curl('--http1.0', `http://${host}/`),
    banner: await banner(host, 2525),
  }
}
results.onlyDns = await curl('http://only-the-dns-server-knows.corp.test/')
results.registry = await curl('-D', '-', 'https://registry.example.test/v2/')
results.blocked = {
  http: await curl('http://blocked.example.test/'),
  banner: await banner('blocked.example.test', 2525),
}

writeFileSync('/logs/client.part', JSON.stringify(results, undefined, 2))
renameSync('/logs/client.part', '/logs/client.json')
setInterval(() => {}, 2 ** 30)
