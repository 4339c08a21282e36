import t, { type Test } from 'tap'
import { createExplainer, parseSubject } from '../../../src/gateway/explain.ts'
import { loadSettings } from '../../../src/settings/load.ts'

async function explainerOf(t: Test, yaml: string, env: Record<string, string> = {}) {
  const folder = t.testdir({ 'fairlead.yaml': yaml })
  const { settings } = await loadSettings({ cwd: folder, env: {}, platform: 'linux' })
  const warnings: string[] = []
  const explainer = await createExplainer(settings, env, (message) => warnings.push(message))
  t.teardown(() => explainer.close())
  const detailFor = async (subject: string, scope: 'host' | 'containers') =>
    (await explainer.explain({ ...parseSubject(subject), scope })).because.detail
  return { warnings, detailFor }
}

t.test('the reason names the key as it stands in the file', async (t) => {
  const two = await explainerOf(t, 'proxy: { https: "http://a:1" }\ncontainersProxy: { https: "http://b:1" }\n')
  t.equal(await two.detailFor('https://x.example', 'host'), 'proxy.https is http://a:1')
  t.equal(await two.detailFor('https://x.example', 'containers'), 'containersProxy.https is http://b:1')
  const one = await explainerOf(t, 'proxy: { https: "http://a:1" }\n')
  t.equal(await one.detailFor('https://x.example', 'containers'), 'proxy.https is http://a:1')
})

t.test('a fault of the environment is told once, though both scopes read it', async (t) => {
  const { warnings } = await explainerOf(t, 'proxy: { mode: system }\n', { HTTPS_PROXY: 'ftp://p', NO_PROXY: 'b@d' })
  t.equal(warnings.length, 2)
  t.match(warnings, [/^HTTPS_PROXY: /, /^no_proxy: /])
})
