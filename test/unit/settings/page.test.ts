import { readFile, writeFile } from 'node:fs/promises'
import t from 'tap'
import { groupsOf, tablesOf, withKeyTables } from '../../fixtures/settings/key-tables.ts'
import { loadText } from '../../fixtures/settings/load-text.ts'
import { loopbackCertificate, testAuthority } from '../../fixtures/test-authority.ts'

const PAGE = new URL('../../../docs/settings.md', import.meta.url)

t.test('the tables of docs/settings.md are those of the schema', async (t) => {
  const page = await readFile(PAGE, 'utf8')
  const right = withKeyTables(page)
  if (process.env['UPDATE_DOCS']) await writeFile(PAGE, right)
  else t.equal(page, right, 'run this test with UPDATE_DOCS=1 to write them anew')
  const shared = new Set([
    'listen.mixed.auth',
    'listen.tls.auth',
    'proxy.https',
    'containersProxy.http',
    'containersProxy.https',
    'upstreams',
    'containerRules.use',
    'udp.host',
    'udp.containers',
    'pac.via',
    'reverse.auth',
  ])
  t.strictSame(
    groupsOf().filter((group) => !tablesOf(page).includes(group) && !shared.has(group)),
    [],
    'every group of keys has a table',
  )
})

t.test('every example of docs/settings.md is good', async (t) => {
  const page = await readFile(PAGE, 'utf8')
  const { cert, key } = await loopbackCertificate()
  const files = {
    'certs/gateway.pem': cert,
    'certs/gateway.key': key,
    'certs/corp-root.pem': (await testAuthority()).cert,
  }
  const examples = blocks(page, 'yaml')
  t.ok(examples.length >= 15, 'examples were found')
  for (const example of examples) {
    const env = Object.fromEntries([...example.matchAll(/env:(\w+)/g)].map((match) => [match[1]!, 'x']))
    const secrets = [...example.matchAll(/file:(\/run\/secrets\/(\w+))/g)]
    // Secrets stand where examples put them on a real machine; here, beside the file.
    const text = secrets.reduce((text, [, path, name]) => text.replace(path!, name!), example)
    const beside = Object.fromEntries(secrets.map(([, , name]) => [name!, 'x']))
    const { printed, problems } = await loadText(text, { env, files: { ...files, ...beside } })
    t.equal(problems.length, 0, `${example}\n${printed}`)
    t.equal(printed, '', `no warnings: ${example}`)
  }
})

t.test('a wrong example is answered as the page says', async (t) => {
  const page = await readFile(PAGE, 'utf8')
  const wrong = blocks(page, 'yaml wrong')
  const answers = blocks(page, 'text')
  t.equal(wrong.length, answers.length)
  t.ok(wrong.length > 0)
  for (const [index, example] of wrong.entries()) t.equal((await loadText(example)).printed, answers[index])
})

function blocks(page: string, language: string): string[] {
  return [...page.matchAll(/^```([^\n]*)\n([\s\S]*?)^```$/gm)]
    .filter((match) => match[1] === language)
    .map((match) => match[2]!)
}
