import t from 'tap'
import { imageNames } from '../../../src/router/image-names.ts'

t.test('one image, however it is written', (t) => {
  const groups: readonly (readonly string[])[] = [
    [
      'nginx',
      'nginx:latest',
      'library/nginx',
      'docker.io/nginx',
      'docker.io/library/nginx:latest',
      'index.docker.io/library/nginx',
    ],
    ['acme/app', 'docker.io/acme/app', 'index.docker.io/acme/app:latest'],
    ['library/acme/app', 'docker.io/library/acme/app'],
    ['localhost/app', 'localhost/app:latest'],
    ['ghcr.io/acme/app', 'ghcr.io/acme/app:latest'],
    ['registry:5000/app', 'registry:5000/app:latest'],
  ]
  for (const group of groups) {
    for (const image of group) {
      for (const rule of group) t.ok(imageNames(image).includes(rule), `${rule} means ${image}`)
      for (const rule of groups.filter((other) => other !== group).flat()) {
        t.notOk(imageNames(image).includes(rule), `${rule} does not mean ${image}`)
      }
    }
  }
  t.end()
})

t.test('tags and digests', (t) => {
  const digest = `@sha256:${'ab'.repeat(32)}`
  const rows: readonly [image: string, rule: string, means: boolean][] = [
    ['nginx:1.25', 'nginx', true],
    ['nginx:1.25', 'docker.io/nginx:1.25', true],
    ['nginx:1.25', 'nginx:latest', false],
    [`nginx:1.25${digest}`, `library/nginx:1.25${digest}`, true],
    [`nginx:1.25${digest}`, `nginx${digest}`, true],
    [`nginx:1.25${digest}`, 'nginx:1.25', true],
    [`nginx:1.25${digest}`, 'nginx', true],
    [`nginx${digest}`, 'nginx', true],
    [`nginx${digest}`, 'nginx:latest', false],
    ['registry:5000/app:1', 'registry', false],
    ['registry:5000/app:1', 'registry:5000/app', true],
    ['Registry/app', 'docker.io/Registry/app', false],
    [`sha256:${'ab'.repeat(32)}`, 'sha256', false],
    ['', 'latest', false],
  ]
  for (const [image, rule, means] of rows) t.equal(imageNames(image).includes(rule), means, `${rule} and ${image}`)
  t.end()
})
