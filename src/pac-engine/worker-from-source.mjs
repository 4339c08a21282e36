// Only where the gateway runs from its TypeScript source: tsx does not reach into worker threads by itself. Not part of the build.
import { register } from 'tsx/esm/api'

register()
await import(`./${process.argv[2]}.ts`)
