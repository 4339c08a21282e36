// Builds the engine and the benchmark into a temporary folder, as the package is built, and runs it there: measured from the source, tsx would count too.
//   node bench/pac/run.mjs decisions|stall|soak|differential [arguments]
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const out = mkdtempSync(join(tmpdir(), 'fairlead-bench-'))
try {
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const project = join(out, 'tsconfig.json')
  writeFileSync(
    project,
    JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      compilerOptions: {
        noEmit: false,
        rootDir: root,
        outDir: join(out, 'built'),
        noUnusedLocals: false,
        typeRoots: [join(root, 'node_modules/@types')],
      },
      files: [],
      include: [
        join(root, 'bench/pac/*.ts'),
        join(root, 'src/pac-engine/**/*'),
        join(root, 'test/conformance/pac/read-cases.ts'),
      ],
    }),
  )
  const built = spawnSync(process.execPath, [tsc, '-p', project], { stdio: 'inherit' })
  if (built.status !== 0) process.exitCode = 1
  else {
    symlinkSync(join(root, 'node_modules'), join(out, 'node_modules'))
    symlinkSync(join(root, 'pac'), join(out, 'built/pac'))
    writeFileSync(join(out, 'package.json'), '{"type":"module"}')
    const [name, ...args] = process.argv.slice(2)
    const ran = spawnSync(
      process.execPath,
      [
        '--expose-gc',
        ...(process.env.BENCH_NODE_OPTIONS ?? '').split(' ').filter(Boolean),
        join(out, `built/bench/pac/${name}.js`),
        ...args,
      ],
      {
        stdio: 'inherit',
      },
    )
    process.exitCode = ran.status ?? 1
  }
} finally {
  rmSync(out, { recursive: true })
}
