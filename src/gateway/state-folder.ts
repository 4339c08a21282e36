import { posix } from 'node:path'

/** Where state that may be lost is kept: the last good PAC script. Undefined where the environment names no place; then nothing is kept. */
export function stateFolder(
  env: Readonly<Record<string, string | undefined>>,
  platform = process.platform,
): string | undefined {
  if (platform === 'win32') return env['LOCALAPPDATA'] && `${env['LOCALAPPDATA']}\\Fairlead\\state`
  // systemd's StateDirectory=, then the XDG Base Directory Specification.
  if (env['STATE_DIRECTORY']?.startsWith('/')) return env['STATE_DIRECTORY']
  if (env['XDG_STATE_HOME']?.startsWith('/')) return posix.join(env['XDG_STATE_HOME'], 'fairlead')
  return env['HOME'] && posix.join(env['HOME'], '.local/state/fairlead')
}
