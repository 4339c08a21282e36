import { posix, win32 } from 'node:path'

export interface FindOptions {
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly platform: NodeJS.Platform
}

export const FILE_NAME = 'fairlead.yaml'

/** Where a settings file is looked for, in this order: the working directory, the user's configuration directory, the machine's. */
export function candidateFiles({ cwd, env, platform }: FindOptions): string[] {
  if (platform === 'win32') {
    const folders = [env['APPDATA'], env['PROGRAMDATA']].filter((folder) => folder !== undefined && folder !== '')
    return [win32.join(cwd, FILE_NAME), ...folders.map((folder) => win32.join(folder!, 'Fairlead', FILE_NAME))]
  }
  const home = env['HOME']
  const files = [posix.join(cwd, FILE_NAME)]
  if (platform === 'darwin') {
    if (home) files.push(posix.join(home, 'Library/Application Support/Fairlead', FILE_NAME))
    files.push(posix.join('/Library/Application Support/Fairlead', FILE_NAME))
    return files
  }
  // XDG Base Directory Specification: a relative XDG_CONFIG_HOME is to be ignored.
  const config = env['XDG_CONFIG_HOME']?.startsWith('/') ? env['XDG_CONFIG_HOME'] : home && posix.join(home, '.config')
  if (config) files.push(posix.join(config, 'fairlead', FILE_NAME))
  files.push(posix.join('/etc/fairlead', FILE_NAME))
  return files
}
