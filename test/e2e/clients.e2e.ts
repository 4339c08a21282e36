import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { FlowLine } from '../../src/observe/flow-line.ts'
import { type Gateway, startGateway } from './harness/gateway.ts'
import { startAptRepository } from './harness/origins/apt-repository.ts'
import { IDENTITY, startGitServer } from './harness/origins/git-server.ts'
import { startOrigins } from './harness/origins/origins.ts'
import { startDante } from './harness/peers/dante.ts'
import { AWKWARD_USER, peerFolder } from './harness/peers/peer.ts'
import { startRegistry } from './harness/peers/registry.ts'
import { startSquid } from './harness/peers/squid.ts'
import { fillRegistry, makeImage } from './harness/peers/test-image.ts'
import { joinScenario } from './harness/scenario.ts'

// Programs as people use them, told of the gateway the way each of them is told; http goes to squid, everything else to dante.

const scenario = await joinScenario(t)
const origins = await startOrigins(scenario)
const squid = await startSquid(scenario, { user: AWKWARD_USER })
const dante = await startDante(scenario, { password: true })
const policy = { proxy: { mode: 'manual', http: squid.url('http'), https: dante.url('socks5') } }
const SQUID = `http://${squid.name}:${squid.port}`
const DANTE = `socks5://${dante.name}:${dante.port}`

/** No percent sign: git decodes the password in a proxy's URL, and the curl in it decodes it once more. */
const USER = { name: AWKWARD_USER.name, password: AWKWARD_USER.password.replace('%', '') }

await t.test('without credentials', async (t) => {
  await everyProgram(t, await startGateway(scenario, policy), '')
})
await t.test('with credentials', async (t) => {
  const gateway = await startGateway(scenario, policy, { users: { [USER.name]: USER.password } })
  await everyProgram(t, gateway, `${USER.name}:${encodeURIComponent(USER.password)}@`)
})

async function everyProgram(t: Test, gateway: Gateway, userInfo: string): Promise<void> {
  const http = `http://${userInfo}127.0.0.1:${gateway.mixed.port}`
  const socks = `socks5h://${userInfo}127.0.0.1:${gateway.mixed.port}`
  await t.test('curl by environment variables', (t) => curlByEnvironment(t, gateway, http))
  await t.test('wget', (t) => wget(t, gateway, http))
  for (const proxy of [http, socks]) await t.test(`git by ${proxy.split(':')[0]}`, (t) => git(t, gateway, proxy))
  for (const proxy of [http, socks]) await t.test(`apt by ${proxy.split(':')[0]}`, (t) => apt(t, gateway, proxy))
  await t.test('skopeo', (t) => skopeo(t, gateway, http))
  await gateway.running.stop()
}

/** The flows since `before` to the authority of `url`, or those of one scheme among them, all took `route`. */
async function went(
  t: Test,
  gateway: Gateway,
  before: number,
  url: string,
  route: string,
  scheme?: string,
): Promise<void> {
  const target = new URL(url).host
  const fits = (flow: FlowLine) => flow.target === target && (!scheme || flow.scheme === scheme)
  await gateway.flow(target, fits, before)
  const routes = new Set(
    gateway
      .flows()
      .slice(before)
      .filter(fits)
      .map((flow) => flow.route),
  )
  t.same([...routes], [route], `${url} went by ${route}`)
}

async function curlByEnvironment(t: Test, gateway: Gateway, proxy: string): Promise<void> {
  const env = { http_proxy: proxy, https_proxy: proxy, CURL_CA_BUNDLE: scenario.ca.file }
  for (const [url, route] of [
    [origins.http(), SQUID],
    [origins.https(), DANTE],
  ] as const) {
    const before = gateway.flows().length
    const done = await scenario.run('gateway', ['curl', '-q', '-sS', url], { env })
    t.equal(done.code, 0, done.stderr)
    await went(t, gateway, before, url, route)
  }
}

async function wget(t: Test, gateway: Gateway, proxy: string): Promise<void> {
  const env = { http_proxy: proxy, https_proxy: proxy }
  for (const [url, route] of [
    [origins.http(), SQUID],
    [origins.https(), DANTE],
  ] as const) {
    const before = gateway.flows().length
    const argv = [
      'wget',
      '--no-config',
      '--tries=1',
      '--quiet',
      '--output-document=-',
      `--ca-certificate=${scenario.ca.file}`,
      url,
    ]
    const done = await scenario.run('gateway', argv, { env })
    t.equal(done.code, 0, done.stderr)
    t.match(done.stdout, '"method":"GET"')
    await went(t, gateway, before, url, route)
  }
}

async function git(t: Test, gateway: Gateway, proxy: string): Promise<void> {
  const server = await startGitServer(scenario)
  // What comes by SOCKS is a tunnel whatever it carries, and tunnels to a port other than 80 are decided as https.
  const clearRoute = proxy.startsWith('socks') ? DANTE : SQUID
  for (const [url, route] of [
    [server.http, clearRoute],
    [server.https, DANTE],
  ] as const) {
    const before = gateway.flows().length
    const work = join(peerFolder(scenario, 'clone'), 'project')
    const configuration = ['-c', `http.proxy=${proxy}`, '-c', `http.sslCAInfo=${scenario.ca.file}`]
    const run = (...args: string[]) => scenario.run('gateway', ['git', ...configuration, ...args], { env: IDENTITY })
    const clone = await run('clone', '--quiet', url, work)
    t.equal(clone.code, 0, clone.stderr)
    t.equal(readFileSync(join(work, 'message'), 'utf8'), server.message, `cloned ${url}`)
    writeFileSync(join(work, 'more'), 'x'.repeat(2 * 1024 * 1024))
    await run('-C', work, 'add', 'more')
    await run('-C', work, 'commit', '--quiet', '--message', 'more')
    const branch = `refs/heads/by-${url.split(':')[0]}`
    const push = await run('-C', work, 'push', '--quiet', 'origin', `HEAD:${branch}`)
    t.equal(push.code, 0, push.stderr)
    const remote = await run('ls-remote', url, branch)
    t.match(remote.stdout, branch, `pushed ${url}`)
    await went(t, gateway, before, url, route)
  }
}

async function apt(t: Test, gateway: Gateway, proxy: string): Promise<void> {
  const repository = await startAptRepository(scenario)
  const clearRoute = proxy.startsWith('socks') ? DANTE : SQUID
  for (const [url, route] of [
    [repository.http, clearRoute],
    [repository.https, DANTE],
  ] as const) {
    const before = gateway.flows().length
    const folder = peerFolder(scenario, 'apt-client')
    for (const name of ['state/lists/partial', 'cache/archives/partial', 'etc'])
      mkdirSync(join(folder, name), { recursive: true })
    writeFileSync(join(folder, 'etc/sources.list'), `deb [trusted=yes] ${url} ./\n`)
    writeFileSync(join(folder, 'etc/apt.conf'), aptConfiguration(folder, proxy))
    const run = (...args: string[]) =>
      scenario.run('gateway', ['apt-get', ...args], { env: { APT_CONFIG: join(folder, 'etc/apt.conf') }, cwd: folder })
    const update = await run('update')
    t.equal(update.code, 0, update.stderr)
    const download = await run('download', `${repository.package}=${repository.version}`)
    t.equal(download.code, 0, download.stderr)
    await went(t, gateway, before, url, route)
  }
}

/** apt with folders of its own: nothing of the machine's apt is read or written. */
function aptConfiguration(folder: string, proxy: string): string {
  return [
    'Dir::Etc::main "/dev/null"; Dir::Etc::parts "/dev/null"; Dir::Etc::sourceparts "/dev/null";',
    `Dir::Etc::sourcelist "${folder}/etc/sources.list"; Dir::State "${folder}/state"; Dir::Cache "${folder}/cache";`,
    'Dir::State::status "/dev/null"; APT::Sandbox::User "root"; Acquire::Retries "0"; Acquire::Languages "none";',
    `Acquire::http::Proxy "${proxy}"; Acquire::https::Proxy "${proxy}";`,
    `Acquire::https::CaInfo "${scenario.ca.file}";`,
  ].join('\n')
}

async function skopeo(t: Test, gateway: Gateway, proxy: string): Promise<void> {
  const image = makeImage(scenario)
  const secure = await startRegistry(scenario, 'registry-a.test', { tls: true })
  const clear = await startRegistry(scenario, 'registry-b.test', { tls: false })
  const env = { HTTP_PROXY: proxy, HTTPS_PROXY: proxy, SSL_CERT_FILE: scenario.ca.file }
  const run = (...args: string[]) => scenario.run('gateway', ['skopeo', '--insecure-policy', ...args], { env })
  for (const [registry, scheme, route] of [
    [secure, 'https', DANTE],
    [clear, 'http', SQUID],
  ] as const) {
    const before = gateway.flows().length
    await fillRegistry(scenario, image, `${registry.authority}/box:1`)
    const folder = peerFolder(scenario, 'pulled')
    const verify = scheme === 'https' ? 'true' : 'false'
    const pull = await run(
      'copy',
      `--src-tls-verify=${verify}`,
      `docker://${registry.authority}/box:1`,
      `dir:${folder}`,
    )
    t.equal(pull.code, 0, pull.stderr)
    const push = await run(
      'copy',
      `--dest-tls-verify=${verify}`,
      `oci:${image.folder}`,
      `docker://${registry.authority}/pushed:1`,
    )
    t.equal(push.code, 0, push.stderr)
    // Told not to insist on TLS, skopeo still asks for it first.
    await went(t, gateway, before, `${scheme}://${registry.authority}`, route, scheme)
    await registry.running.stop()
  }
}
