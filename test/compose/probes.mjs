// What a container does that knows nothing of proxies: programs of several kinds, each with no setting but the authority to trust.
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'

export const WAYS = ['direct', 'squid', 'dante']
export const ORIGIN = '10.86.0.20'
/** Seconds for one probe: what is refused must be so at once, and what is silent must not hang the run. */
const LIMIT_S = 15

/** Runs a program; `{ code, out, err, ms }`. */
export function run(program, ...args) {
  const began = performance.now()
  return new Promise((resolve) => {
    execFile(program, args, { timeout: LIMIT_S * 2000 }, (error, out, err) => {
      resolve({ code: error ? (error.code ?? 'killed') : 0, out, err, ms: Math.round(performance.now() - began) })
    })
  })
}

export const curl = (...args) => run('curl', '-sS', '--max-time', String(LIMIT_S), '--cacert', '/pki/ca.pem', ...args)

const PYTHON = `
import ssl, sys, urllib.request
context = ssl.create_default_context(cafile='/pki/ca.pem')
sys.stdout.write(urllib.request.urlopen(sys.argv[1], timeout=${LIMIT_S}, context=context if sys.argv[1].startswith('https') else None).read().decode())
`
export const python = (url) => run('python3', '-c', PYTHON, url)

export const node = (url) => run(process.execPath, '-e', NODE, url)
const NODE = `
const options = { ca: require('fs').readFileSync('/pki/ca.pem') }
require('https').get(process.argv[1], options, (response) => response.pipe(process.stdout))
`

/** What its one file says. */
export async function git(url) {
  const folder = mkdtempSync('/tmp/git-')
  const cloned = await run('git', '-c', 'http.sslCAInfo=/pki/ca.pem', 'clone', '--quiet', url, `${folder}/project`)
  return cloned.code === 0 ? run('cat', `${folder}/project/message`) : cloned
}

/** The name of the package that comes, with folders of its own: nothing of the image's apt is used. */
export async function apt(url) {
  const folder = mkdtempSync('/tmp/apt-')
  for (const name of ['state/lists/partial', 'cache/archives/partial'])
    mkdirSync(`${folder}/${name}`, { recursive: true })
  writeFileSync(`${folder}/sources.list`, `deb [trusted=yes] ${url} ./\n`)
  const settings = {
    ...{ 'Dir::Etc::sourcelist': `${folder}/sources.list`, 'Dir::Etc::sourceparts': '/dev/null' },
    ...{ 'Dir::State': `${folder}/state`, 'Dir::Cache': `${folder}/cache`, 'Dir::State::status': '/dev/null' },
    ...{ 'APT::Sandbox::User': 'root', 'Acquire::Retries': '0', 'Acquire::Languages': 'none' },
  }
  const options = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`])
  const updated = await run('apt-get', '-q', ...options, 'update')
  if (updated.code !== 0) return updated
  const got = await run('sh', '-c', `cd ${folder} && exec apt-get -q ${options.join(' ')} download fairlead-compose`)
  return got.code === 0 ? run('ls', folder) : got
}

/** What the server says by itself: nothing is sent before it has spoken. */
export function banner(host, port) {
  const began = performance.now()
  return new Promise((resolve) => {
    let out = ''
    let err = ''
    const socket = connect({ host, port, timeout: LIMIT_S * 1000 })
    socket.setEncoding('utf8')
    socket.on('data', (text) => (out += text))
    socket.on('timeout', () => socket.destroy(new Error('timeout')))
    socket.on('error', (error) => (err = error.code ?? error.message))
    socket.on('close', () => resolve({ code: err === '' ? 0 : 1, out, err, ms: Math.round(performance.now() - began) }))
  })
}
