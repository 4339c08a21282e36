import t from 'tap'
import { describeContainerMatch } from '../../../src/router/container-rules.ts'
import { mergeSources } from '../../../src/settings/merge-sources.ts'
import { ResolveContext } from '../../../src/settings/resolve/context.ts'
import { resolveSettings } from '../../../src/settings/resolve/resolve-settings.ts'
import { settingsSchema } from '../../../src/settings/schema.ts'
import { readSource } from '../../../src/settings/source.ts'
import { brief, loadText } from '../../fixtures/settings/load-text.ts'

t.test('rules are read, lists or single patterns, with their chains followed', async (t) => {
  const { loaded, printed } = await loadText(`
upstreams: { corp: ["https://edge.example", "socks5h://inner.example"] }
containerRules:
  - { match: { project: shop, service: [db, "cache*"] }, use: reject }
  - { match: { label: egress=corp }, to: "*.corp.example,10.0.0.0/8", use: corp }
  - { match: { known: false }, use: policy }
`)
  t.equal(printed, '')
  const rules = loaded!.settings.containerRules
  t.same(rules[0], { match: { project: ['shop'], service: ['db', 'cache*'] }, use: { kind: 'reject' } })
  t.match(rules[1], {
    match: { label: ['egress=corp'] },
    use: { kind: 'chain', hops: [{ host: 'edge.example' }, { host: 'inner.example' }] },
  })
  t.equal(rules[1]?.to?.rules.length, 2)
  t.same(rules[2], { match: { known: false }, use: { kind: 'policy' } })
  const shown = loaded!.effective.find(({ path }) => path === 'containerRules')?.value
  t.equal(
    shown,
    'project shop and service db|cache* → reject, label egress=corp → corp, known false → policy',
    'as check shows it',
  )
})

t.test('labels that all must be there are shown as such', async (t) => {
  const { loaded } = await loadText('containerRules: [{ match: { label: [a=b, team], project: [x, y] }, use: reject }]')
  const shown = loaded!.effective.find(({ path }) => path === 'containerRules')?.value
  t.match(shown, /^(?=.*label a=b and label team)(?=.*project x\|y).* → reject$/)
  t.equal(
    describeContainerMatch(loaded!.settings.containerRules[0]!.match).split(', ').sort().join(', '),
    'label a=b, label team, project x|y',
  )
})

t.test('what makes no sense is told where it stands', async (t) => {
  const rows: readonly (readonly [rules: string, ...problems: string[]])[] = [
    ['{ match: {}, use: direct }', '2:14 containerRules[0].match: this says nothing about containers'],
    ['{ use: direct }', '2:5 containerRules[0]: “match” is missing'],
    [
      '{ match: { contaner: a }, use: direct }',
      '2:16 containerRules[0].match.contaner: there is no key “contaner” here',
    ],
    ['{ match: { container: "" }, use: direct }', '2:27 containerRules[0].match.container: this is empty'],
    ['{ match: { container: 5 }, use: direct }', '2:27 containerRules[0].match.container: this is a number'],
    ['{ match: { container: a }, use: nowhere }', '2:37 containerRules[0].use: there is no upstream “nowhere”'],
    ['{ match: { container: a }, use: [] }', '2:37 containerRules[0].use: the chain is empty'],
    [
      '{ match: { container: a }, use: "proxy:80" }',
      '2:37 containerRules[0].use: "proxy:80" is neither a URL nor a name',
    ],
    [
      '{ match: { container: a }, to: "10.0.0.0/33", use: direct }',
      '2:46 containerRules[0].to: the prefix length is out of range',
    ],
    [
      '{ match: { known: false, image: a }, use: direct }',
      '2:23 containerRules[0].match.known: of a client that the engine does not know, nothing else can be known',
    ],
  ]
  for (const [rule, ...problems] of rows) {
    t.strictSame(brief((await loadText(`containerRules:\n  - ${rule}`)).problems), problems, rule)
  }
})

t.test('rules of the same file as a locked group hold', async (t) => {
  const { loaded, printed } = await loadText(
    'proxy: { locked: true, http: "http://a" }\ncontainerRules:\n  - { match: { container: a }, use: direct }\n',
  )
  t.equal(printed, '')
  t.equal(loaded!.settings.containerRules.length, 1)
})

t.test('rules of the user do not open what an administrator has locked; those that reject count', async (t) => {
  const texts = {
    user: 'containerRules:\n  - { match: { container: a }, use: direct }\n  - { match: { container: b }, use: reject }\n',
    admin: 'containersProxy: { locked: true, http: "http://a" }',
  }
  const sources = (['user', 'admin'] as const).map(
    (kind) => readSource(texts[kind], { kind, file: `${kind}.yaml`, path: `/etc/${kind}.yaml` }).source!,
  )
  const merged = mergeSources(sources)
  const context = new ResolveContext(merged, { env: {}, platform: 'linux' })
  const { containerRules } = await resolveSettings(settingsSchema.parse(merged.data), context)
  t.same(containerRules, [{ match: { container: ['b'] }, use: { kind: 'reject' } }])
  t.strictSame(brief(context.warnings), [
    '2:37 containerRules[0].use: this has no effect: containersProxy is locked by a source of higher rank',
  ])
})
