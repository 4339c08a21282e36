import { posix } from 'node:path'
import { GatewayError } from '../contracts/gateway-error.ts'

/** Where state that may be lost is kept: the last good PAC script. Where the environment names no place, nothing is, and the error says why. */
export function stateFolder(
  env: Readonly<Record<string, string | undefined>>,
  platform = process.platform,
): string | GatewayError {
  if (platform === 'win32')
    return env['LOCALAPPDATA'] ? `${env['LOCALAPPDATA']}\\Fairlead\\state` : noFolder('LOCALAPPDATA is not set')
  // systemd's StateDirectory=, which may be several, then the XDG Base Directory Specification.
  const given = env['STATE_DIRECTORY']?.split(':', 1)[0]
  if (given?.startsWith('/')) return given
  if (env['XDG_STATE_HOME']?.startsWith('/')) return posix.join(env['XDG_STATE_HOME'], 'fairlead')
  if (env['HOME']?.startsWith('/')) return posix.join(env['HOME'], '.local/state/fairlead')
  return noFolder('none of STATE_DIRECTORY, XDG_STATE_HOME and HOME names one')
}

function noFolder(why: string): GatewayError {
  return new GatewayError('PAC_FAILED', `there is no folder to keep the PAC script in: ${why}`, {
    hint: 'Name one there, by its whole path; in a systemd unit write StateDirectory=fairlead.',
  })
}
