import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import t from 'tap'
import { runCheck } from '../../../src/cli/check.ts'
import { loadText } from '../../fixtures/settings/load-text.ts'

/** Stands wherever a password can stand; nothing that is shown may hold it. */
const PW = 'hunter2Secret'

/** Settings with a password in them, most of them with a fault on the very line. */
const texts: readonly string[] = [
  `proxy:\n  http: http://bob:${PW}@a:99999`,
  `proxy:\n  http: http://bob:${PW}@`,
  `proxy:\n  http: http://bob:${PW}@a/path`,
  `proxy:\n  http: http://bob:${PW}/x@a`,
  `proxy:\n  http: http://bob:x/${PW}@a`,
  `proxy:\n  http: http://bob:x?${PW}@a`,
  `proxy:\n  http: http://bob:x#${PW}@a`,
  `proxy:\n  http: http://bob:a b ${PW}@a`,
  `proxy:\n  http: "http://bob:a\\"${PW}@a"`,
  `proxy:\n  http: 'http://bob:a''${PW}@a'`,
  `proxy:\n  http: http://bob:%zz${PW}@a`,
  `proxy:\n  http: http://${PW}@a:x`,
  `proxy:\n  http: ftp://bob:${PW}@a`,
  `proxy:\n  http: bob:${PW}@a:8080`,
  `proxy:\n  http: //bob:${PW}@a:8080`,
  `proxy:\n  http: [http://ok, "http://bob:${PW}@a b"]`,
  `proxy: { http: http://bob:${PW}@a, https: http://bob:${PW}@b, mode: x }`,
  `proxy: { mode: http://bob:${PW}@a }`,
  `proxy: { exclude: ["http://bob:${PW}@a"] }`,
  `proxy: { exclude: "a, http://bob:${PW}@a" }`,
  `proxy: { pac: "http://bob:${PW}@a/x.pac" }`,
  `proxy: { pac: "http://bob:x@a/x.pac?key=${PW}" }`,
  `proxy: { pac: "http://a b/x.pac?key=${PW}&b#c" }`,
  `proxy: { pac: ftp://a/x.pac?${PW} }`,
  `proxy: { pac: ftp://a/x.pac?a'${PW} }`,
  `proxy: { htp: "http://bob:${PW}@a" }`,
  `http://bob:${PW}@a: 1`,
  `timeouts: { dial: "http://bob:${PW}@a" }`,
  `log: { level: "bob:${PW}@a" }`,
  `proxy:\n  http: http://bob:${PW}@a\n  https: "x`,
  `proxy:\n  http: http://bob:${PW}@a "\n`,
  `proxy:\n  http: "http://bob:${PW}@a" "\n`,
  `proxy:\n\thttp: http://bob:${PW}@a`,
  `proxy: { http: http://bob:${PW}@a`,
  `proxy:\n  http: @http://bob:${PW}@a`,
  `proxy: {} # was http://bob:${PW}@a\nproxy: {} # http://bob:${PW}@a`,
  `upstreams:\n  a: { url: "http://a", username: bob, password: ${PW}, extra: 1 }`,
  `upstreams:\n  a: { url: "http://a", username: bob, pasword: ${PW} } # password: ${PW}`,
  `upstreams:\n  a: { url: "http://a", username: [${PW}], password: [${PW}] }`,
  `upstreams:\n  a: { url: "http://a", username: bob, password: "env:${PW} x" }`,
  `upstreams:\n  a: { url: "http://a", username: bob, password: "${PW}\\n" }`,
  `upstreams:\n  a: { url: "socks4://a", username: bob, password: ${PW} }`,
  `upstreams:\n  a: { url: "http://a", password: ${PW} }`,
  `upstreams:\n  a:\n    url: http://a\n    username: bob\n    password: ${PW}: x`,
  `upstreams:\n  a:\n    url: http://a\n    username: bob\n    password: "${PW}`,
  `upstreams:\n  a:\n    url: http://a\n    username: bob\n    password: @${PW}`,
  `upstreams:\n  a:\n    url: http://a\n    username: bob\n    password: !x ${PW}`,
  `upstreams:\n  a:\n    url: http://a\n    username: bob\n    password: "a" ${PW}`,
  `upstreams:\n  a:\n    url: http://a\n    username: bob\n    password: |\n      ${PW}\n     x`,
  `listen: { auth: { users: { alice: ${PW}, bob: 5 } } }`,
  `listen: { auth: { users: { alice: [${PW}] } } }`,
  `listen: { auth: { users: { "alice:${PW}": x } } }`,
  `listen: { auth: { users: { alice:${PW} } } }`,
  `listen: { auth: { users: [alice, ${PW}] } }`,
  `listen: { auth: { users: ["alice: ${PW}"] } }`,
  `listen: { auth: "alice:${PW}" }`,
  `listen: { auth: alice ${PW} }`,
  `listen: { auth: { alice: ${PW} } }`,
  `listen: { auth: { alice:${PW} } }`,
  `listen: { auth: { users: { alice: ${PW} }, x: 1 }, mixed: 0 } }`,
  `listen:\n  auth:\n    users:\n      alice: "${PW}`,
  `listen:\n  auth:\n    users:\n      alice: @${PW}`,
  `listen:\n  auth:\n    users:\n      alice: a: ${PW}`,
  `listen:\n  auth:\n    users:\n      alice: 'a' ${PW}`,
  `listen:\n  auth:\n    users:\n      alice: *${PW}`,
  `listen:\n  auth:\n    users:\n      alice: &${PW}x &${PW} y`,
  `listen:\n  auth:\n    users:\n      alice ${PW}\n      bob: x`,
  `listen:\n  auth:\n    users:\n\t  alice: ${PW}`,
  `listen:\n  auth:\n    users: {alice: ${PW}, bob: @x}`,
  `listen: {auth: {users: {alice: ${PW}, alice: ${PW}}}}`,
  `listen: { tls: { address: 1, cert: /no, key: /no, passphrase: ${PW} } }`,
  // Good ones: what check prints of them.
  `listen: { auth: { users: { alice: ${PW} } } }`,
  `proxy: { http: "http://bob:${PW}@a" }`,
  `proxy: { mode: system, http: "http://bob:${PW}@a" }`,
  `proxy: { http: { url: "http://a", username: "${PW}", password: "${PW}" } }`,
  `upstreams: { a: [{ url: "http://a", username: bob, password: ${PW} }] }`,
  'proxy: { http: { url: "http://a", username: bob, password: "env:PW" } }',
  'listen: { auth: { users: { alice: "env:PW" } } }',
]

t.test('no secret in problems, settings, origins, or what check prints', async (t) => {
  for (const text of texts) {
    const { loaded, problems, printed } = await loadText(text, { env: { PW } })
    const shown = [
      printed,
      JSON.stringify(problems),
      inspect(problems, { depth: 9 }),
      ...(loaded ? [JSON.stringify(loaded.effective), inspect(loaded.effective, { depth: 9 })] : []),
    ]
    t.notMatch(shown.join('\n'), PW, text)
    // The settings themselves hold it as a Secret only; user names are no secrets.
    if (loaded && !text.includes('username: "hunter2')) t.notMatch(inspect(loaded.settings, { depth: 12 }), PW, text)
    const output = await check(text)
    t.notMatch(output, PW, `check: ${text}`)
  }
})

async function check(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-check-'))
  let output = ''
  try {
    await writeFile(join(folder, 'fairlead.yaml'), text)
    const write = (part: string) => {
      output += part
    }
    output += await runCheck({}, { cwd: folder, env: { PW }, out: write, err: write })
    return output
  } finally {
    await rm(folder, { recursive: true })
  }
}

t.test('a secret file that everybody can read is warned of', async (t) => {
  const folder = t.testdir({ pw: 'x\r\n' })
  const text = `listen: { auth: { users: { alice: "file:${folder}/pw" } } }`
  await chmod(join(folder, 'pw'), 0o644)
  t.match(
    (await loadText(text)).printed,
    /1:35: listen\.auth\.users\.alice: everybody on this machine can read .*\/pw\n(?:.*\n)*.*chmod o-r/,
  )
  await chmod(join(folder, 'pw'), 0o640)
  const { loaded, printed } = await loadText(text)
  t.equal(printed, '')
  t.equal(loaded?.settings.listen.mixed[0]?.users?.['alice']?.reveal(), 'x', 'one line end is cut off')
})

t.test('the folder for user data is found by ~', async (t) => {
  const home = t.testdir({ pw: ' spaces stay ' })
  await chmod(join(home, 'pw'), 0o600)
  const { loaded } = await loadText('listen: { auth: { users: { a: "file:~/pw" } } }', { env: { HOME: home } })
  t.equal(loaded?.settings.listen.mixed[0]?.users?.['a']?.reveal(), ' spaces stay ')
})
