import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { chmodSync, copyFileSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Scenario } from '../scenario.ts'
import { peerFolder } from './peer.ts'

export interface TestImage {
  /** A folder in OCI image layout, for `skopeo copy oci:FOLDER`. */
  readonly folder: string
  /** What `cat /message` in a container prints: new for every image, so that no cache can stand in for a pull. */
  readonly message: string
}

/** A real image, made without any engine: static busybox, a message, and some bytes that do not compress. */
export function makeImage(scenario: Scenario, extraBytes = 1024 * 1024): TestImage {
  const folder = peerFolder(scenario, 'image')
  const root = join(folder, 'root')
  const message = `made for this run: ${randomBytes(8).toString('hex')}`
  mkdirSync(join(root, 'bin'), { recursive: true })
  copyFileSync('/bin/busybox', join(root, 'bin/busybox'))
  chmodSync(join(root, 'bin/busybox'), 0o755)
  for (const applet of ['sh', 'cat', 'wget', 'sleep', 'ls']) symlinkSync('busybox', join(root, 'bin', applet))
  writeFileSync(join(root, 'message'), `${message}\n`)
  writeFileSync(join(root, 'ballast'), randomBytes(extraBytes))
  const layerTar = execFileSync('tar', ['--numeric-owner', '--owner=0', '--group=0', '-C', root, '-c', '.'], {
    maxBuffer: 64 * 1024 * 1024 + 2 * extraBytes,
  })
  writeLayout(folder, layerTar)
  return { folder, message }
}

/** The OCI image layout (image-spec v1): blobs by digest, an index that names the manifest. */
function writeLayout(folder: string, layerTar: Buffer): void {
  mkdirSync(join(folder, 'blobs/sha256'), { recursive: true })
  const blob = (bytes: Buffer, mediaType: string) => {
    const hash = createHash('sha256').update(bytes).digest('hex')
    const file = join(folder, 'blobs/sha256', hash)
    writeFileSync(file, bytes)
    return { mediaType, digest: `sha256:${hash}`, size: statSync(file).size }
  }
  const json = (value: object) => Buffer.from(JSON.stringify(value))
  const type = (name: string) => `application/vnd.oci.image.${name}`
  const layer = blob(gzipSync(layerTar), type('layer.v1.tar+gzip'))
  const config = {
    architecture: { x64: 'amd64', arm64: 'arm64' }[process.arch as string] ?? process.arch,
    os: 'linux',
    config: { Cmd: ['/bin/cat', '/message'], Env: ['PATH=/bin'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${createHash('sha256').update(layerTar).digest('hex')}`] },
  }
  const manifest = {
    schemaVersion: 2,
    mediaType: type('manifest.v1+json'),
    config: blob(json(config), type('config.v1+json')),
    layers: [layer],
  }
  const index = { schemaVersion: 2, manifests: [blob(json(manifest), type('manifest.v1+json'))] }
  writeFileSync(join(folder, 'index.json'), json(index))
  writeFileSync(join(folder, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }))
}

/** Puts an image into a registry from corp itself, so that nothing of it has ever passed the gateway. */
export async function fillRegistry(scenario: Scenario, image: TestImage, reference: string): Promise<void> {
  const done = await scenario.run('corp', [
    'skopeo',
    '--insecure-policy',
    'copy',
    '--format=v2s2',
    '--dest-tls-verify=false',
    `oci:${image.folder}`,
    `docker://${reference}`,
  ])
  if (done.code !== 0) throw new Error(`could not fill ${reference}: ${done.stderr}`)
}
