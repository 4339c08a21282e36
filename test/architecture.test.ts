import { readdirSync, readFileSync, statSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, relative, sep } from 'node:path'
import t from 'tap'
import { ERROR_CODES } from '../src/contracts/gateway-error.ts'
import { statusOf } from '../src/wire/http-reply.ts'
import { socks5ReplyFor } from '../src/wire/socks-conversation.ts'

/** The rules of docs/architecture.md, with their reasons, so that a newcomer learns a rule by breaking it. */

const root = join(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const walk = (folder: string, ending: string) =>
  (readdirSync(join(root, folder), { recursive: true }) as string[])
    .filter((path) => path.endsWith(ending))
    .map((path) => join(folder, path).split(sep).join('/'))
    .sort()

const sources = walk('src', '.ts')
const folders = readdirSync(join(root, 'src')).filter((name) => statSync(join(root, 'src', name)).isDirectory())
/** `src/wire/socks5.ts` → `wire`; `src/main.ts` → `main.ts`. */
const folderOf = (path: string) => path.split('/')[1]!

function importsOf(path: string): string[] {
  return [...read(path).matchAll(/(?:^|\n)\s*(?:import|export)\b[^'"`;]*?from\s+'([^']+)'|import\(\s*'([^']+)'/g)].map(
    (match) => (match[1] ?? match[2])!,
  )
}

const MAY_IMPORT: Record<string, (folder: string) => boolean> = {
  contracts: () => false,
  wire: (folder) => folder === 'contracts',
  system: (folder) => ['contracts', 'wire'].includes(folder),
  gateway: (folder) => folder !== 'cli',
  cli: (folder) => ['gateway', 'settings', 'contracts', 'wire', 'observe'].includes(folder),
  'main.ts': (folder) => folder === 'cli',
}
const REASON: Record<string, string> = {
  contracts:
    'contracts is what everybody imports; if it imported anything of ours, the seams would depend on what they separate',
  wire: 'wire is bytes and values; it knows the contracts and nothing else, so that it can be tested and fuzzed without the rest',
  system: 'system is what the operating system gives; it knows nobody who uses it',
  cli: 'a command asks the gateway; reaching past it would make a second way to put the parts together',
  'main.ts': 'main.ts turns argv into a command and does nothing else',
  gateway: 'gateway puts the parts together; cli stands above it',
}
const SIBLINGS =
  'siblings meet through contracts and are put together in gateway/; a direct import would tie the two for ever'

t.test('who may import whom', async (t) => {
  for (const path of sources) {
    const from = folderOf(path)
    for (const specifier of importsOf(path)) {
      if (!specifier.startsWith('.')) continue
      const to = folderOf(
        relative(root, join(root, dirname(path), specifier))
          .split(sep)
          .join('/'),
      )
      if (to === from) continue
      const allowed = MAY_IMPORT[from]?.(to) ?? ['contracts', 'wire', 'system'].includes(to)
      if (!allowed) t.fail(`${path} imports ${specifier}: ${REASON[from] ?? SIBLINGS}`)
    }
  }
  t.ok(sources.length > 20, `${sources.length} files looked at`)
})

t.test('contracts and wire touch no socket, no file, no timer, no clock and no chance', async (t) => {
  const pure = new Set(['node:buffer', 'node:url', 'node:util', 'node:stream', 'node:net', 'node:http'])
  for (const path of sources.filter((path) => ['contracts', 'wire'].includes(folderOf(path)))) {
    const text = read(path).replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
    for (const specifier of importsOf(path)) {
      const builtin = specifier.startsWith('node:') || builtinModules.includes(specifier)
      if (builtin && !pure.has(specifier))
        t.fail(`${path} imports ${specifier}: a codec with input and output can't be run as a table`)
    }
    if (/import (?!type)[^\n]*from 'node:(http|stream)'/.test(text))
      t.fail(`${path}: of node:http and node:stream only the types`)
    const used = /\b(net\.(connect|createServer|Socket)|createServer|createConnection)\b/.exec(text)
    if (used) t.fail(`${path} uses ${used[0]}: bytes come in as arguments here`)
    if (path === 'src/contracts/clock.ts') continue
    const impure =
      /\b(setTimeout|setInterval|setImmediate|Date\.now|performance\.now|Math\.random|process\.env)\b/.exec(text)
    if (impure)
      t.fail(`${path} uses ${impure[0]}: time and chance are arguments, so that a test needs neither sleep nor luck`)
  }
  t.pass('looked at')
})

t.test('each folder says what it does in at most 30 lines', async (t) => {
  for (const folder of folders) {
    const lines = read(`src/${folder}/README.md`).trimEnd().split('\n')
    t.ok(lines.length <= 30, `src/${folder}/README.md has ${lines.length} lines; more belongs in docs/`)
    for (const heading of ['Does', 'Never does', 'Start reading at', 'Standards']) {
      t.ok(
        lines.some((line) => line.includes(`**${heading}`)),
        `src/${folder}/README.md says "${heading}"`,
      )
    }
  }
})

t.test('names say what a thing is', async (t) => {
  for (const path of sources) {
    const vague = /(^|[/-])(utils?|common|helpers?|managers?|core|misc)([.-]|\/|$)/.exec(path)
    if (vague) t.fail(`${path}: "${vague[2]}" says where a thing was put, not what it is`)
  }
  t.pass('looked at')
})

t.test('every error code is explained in docs/errors.md, and only those', async (t) => {
  const documented = [...read('docs/errors.md').matchAll(/^### `([A-Z_]+)`/gm)].map((match) => match[1]!)
  t.same(documented.toSorted(), [...ERROR_CODES].sort(), 'headings of docs/errors.md')
})

t.test('the table of docs/errors.md says what clients are told', async (t) => {
  const rows = [...read('docs/errors.md').matchAll(/^\| `([A-Z_]+)` \| (\S+) \| (.+?) \| (\S+) \|$/gm)]
  t.same(rows.map(([, code]) => code!).toSorted(), [...ERROR_CODES].sort(), 'a row for each code')
  for (const code of ERROR_CODES) {
    const [, , status, socks5] = rows.find((row) => row[1] === code) ?? []
    // Nobody is left to be told.
    if (code === 'CLIENT_GONE') continue
    t.equal(status, String(statusOf(code)), `HTTP status of ${code}`)
    // Credentials are settled before there is a reply: by the method, or by the answer of RFC 1929.
    if (code !== 'AUTH_REQUIRED')
      t.equal(socks5?.split(' ')[0], String(socks5ReplyFor(code)), `SOCKS5 reply of ${code}`)
  }
})

t.test('every runtime dependency has its reason in docs/decisions/', async (t) => {
  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> }
  const text = read('docs/decisions/0001-dependencies.md')
  for (const name of Object.keys(dependencies)) {
    t.ok(text.includes(`\`${name}\``), `${name}: why it is there and what would replace it`)
  }
})

t.test('the commands of the README exist', async (t) => {
  const readme = read('README.md')
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  for (const [, script] of readme.matchAll(/npm run ([\w:-]+)/g)) t.ok(scripts[script!], `npm run ${script}`)
  const { buildProgram } = await import('../src/cli/program.ts')
  const known = buildProgram().commands.map((command) => command.name())
  for (const [, command] of readme.matchAll(/(?:npx )?fairlead (?!is\b|takes\b)([a-z-]+)(?= |`|$)/gm)) {
    if (/^[a-z]/.test(command!) && readme.includes(`fairlead ${command}`))
      t.ok(known.includes(command!), `fairlead ${command}`)
  }
})

t.test('links in the documentation lead somewhere', async (t) => {
  for (const path of ['README.md', 'CONTRIBUTING.md', ...walk('docs', '.md')]) {
    for (const [, link] of read(path).matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)) {
      const target = join(root, dirname(path), link!)
      t.ok(statSync(target, { throwIfNoEntry: false }), `${path} links to ${link}`)
    }
  }
})
