// `npm run build`: dist/ from src/, from scratch. `--if-stale`: only where src/ has changed since, for npm and npx run `prepare` more often than needed.
import { execFileSync } from 'node:child_process'
import { chmodSync, readdirSync, rmSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import process from 'node:process'

process.chdir(import.meta.dirname)

const changedAt = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
const sources = readdirSync('src', { recursive: true }).map((name) => join('src', name))
const newest = Math.max(...[...sources, 'package.json', 'tsconfig.json', 'tsconfig.build.json'].map(changedAt))

if (!process.argv.includes('--if-stale') || changedAt('dist/main.js') < newest) {
  const require = createRequire(import.meta.url)
  const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc')
  // A file that has been renamed must not live on in the package.
  rmSync('dist', { recursive: true, force: true })
  execFileSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { stdio: 'inherit' })
  for (const program of ['dist/main.js', 'dist/fairlead.cjs']) chmodSync(program, 0o755)
}
