import { readFileSync } from 'node:fs'
import t from 'tap'

t.test(
  'nothing gets into the image with the modes that it has in the checkout, where a umask of 027 shuts others out',
  async (t) => {
    const stages = readFileSync(new URL('../../Dockerfile', import.meta.url), 'utf8').split(/^FROM /m)
    const copies = stages.at(-1)!.match(/^COPY .*$/gm) ?? []
    t.ok(copies.length > 3)
    t.same(
      copies.filter((line) => !line.startsWith('COPY --from=')),
      [],
    )
    const files = stages.find((stage) => / AS files\n/.test(stage)) ?? ''
    const copied = [...(/^COPY (.*) \.\/$/m.exec(files)?.[1]?.split(' ') ?? []), 'fairlead.yaml']
    t.ok(copied.length > 3)
    for (const file of copied)
      t.match(
        files,
        new RegExp(`chmod 0[67][45][45]( [^&\\n]*)? ${file.split('/').at(-1)!.replace('.', '[.]')}( |$)`, 'm'),
        file,
      )
  },
)
