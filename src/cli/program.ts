import { Command, CommanderError, Option } from 'commander'
import { toGatewayError } from '../contracts/gateway-error.ts'
import { VERSION } from '../gateway/version.ts'
import { runBypass } from './bypass.ts'
import { type CaptureOptions, runCapture } from './capture.ts'
import { runCheck } from './check.ts'
import { runDemo } from './demo.ts'
import { type DockerSetupFlags, runDockerSetup } from './docker-setup.ts'
import { EXIT } from './exit-code.ts'
import { type ExplainOptions, runExplain } from './explain.ts'
import { type Io, processIo } from './io.ts'
import type { ConfigOption } from './load-settings.ts'
import { runPacEval, runPacParse } from './pac.ts'
import { runStart } from './start.ts'
import { runStatus, type StatusOptions } from './status.ts'

/** Runs one command; answers the exit code. */
export async function runCommandLine(args: readonly string[], io: Io = processIo): Promise<number> {
  let exitCode: number = EXIT.done
  const program = buildProgram(io, (code) => {
    exitCode = code
  })
  // Workers and timers of the gateway do not keep the process alive; a command that waits for them must.
  const alive = setInterval(() => {}, 2 ** 30)
  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.done : EXIT.usage
    const error = toGatewayError(thrown)
    io.err(`fairlead: ${error.message}${error.hint ? `\n${error.hint}` : ''}\n`)
    if (error.code === 'INTERNAL' && error.cause instanceof Error) io.err(`${error.cause.stack}\n`)
    return EXIT.failed
  } finally {
    clearInterval(alive)
  }
}

/** The commands and their options. */
export function buildProgram(io: Io = processIo, done: (exitCode: number) => void = () => {}): Command {
  const program = new Command('fairlead')
    .description('The outbound gateway for container hosts.')
    .version(VERSION)
    .showHelpAfterError('Run with --help for the options.')
    .configureOutput({ writeOut: io.out, writeErr: io.err })
    .exitOverride()
  const config = () =>
    new Option('--config <file>', 'settings file; default: fairlead.yaml here or in the configuration directory')
  const batch = () => new Option('--batch <file>', 'one JSON object a line; - is standard input')

  program
    .command('start')
    .description('run the gateway in the foreground; SIGHUP or a changed file reloads, SIGTERM drains')
    .addOption(config())
    .action(async (options: ConfigOption) => done(await runStart(options, io)))
  program
    .command('check')
    .description('validate the settings: every problem with file, line, column and what was expected')
    .addOption(config())
    .action(async (options: ConfigOption) => done(await runCheck(options, io)))
  program
    .command('explain')
    .description('the decision for a target and its reasons, without traffic to it')
    .argument('<target>', 'URL or HOST:PORT')
    .addOption(config())
    .addOption(
      new Option('--scope <scope>', 'whose policy')
        .choices(['host', 'containers'])
        .default(undefined, 'host; containers with --container'),
    )
    .option('--container <name>', 'whose flow: a running container, asked of the engine')
    .option('--json', 'for programs')
    .action(async (target: string, options: ExplainOptions) => done(await runExplain(target, options, io)))
  const pac = program.command('pac').description('run and read PAC files')
  pac
    .command('eval')
    .description('what a PAC script answers')
    .argument('[url]')
    .argument('[host]', 'default: the host of the URL')
    .addOption(batch())
    .option('--file <file>', 'the script')
    .option('--trace', 'how the answer came about')
    .action(async (url: string | undefined, host: string | undefined, options: object) =>
      done(await runPacEval({ ...options, ...(url ? { url } : {}), ...(host ? { host } : {}) }, io)),
    )
  pac
    .command('parse')
    .description('how a PAC answer is understood')
    .addOption(batch().makeOptionMandatory())
    .action(async (options: { batch: string }) => done(await runPacParse(options, io)))
  program
    .command('bypass')
    .description('how an exclude list is understood')
    .addOption(batch().makeOptionMandatory())
    .action(async (options: { batch: string }) => done(await runBypass(options.batch, io)))
  program
    .command('status')
    .description('what a running gateway is doing')
    .addOption(config())
    .option('--json', 'for programs')
    .action(async (options: StatusOptions) => done(await runStatus(options, io)))
  program
    .command('capture')
    .description('what capturing containers puts into the kernel')
    .addOption(config())
    .addOption(new Option('--dry-run', 'print the rules and commands, and change nothing').conflicts('remove'))
    .option('--remove', 'take away what a gateway that was killed has left')
    .action(async (options: CaptureOptions) => done(await runCapture(options, io)))
  program
    .command('docker-setup')
    .description('what a Docker engine and its clients are told of the gateway: show it, make it, take it back')
    .addOption(config())
    .option('--print', 'show what would be changed (the default)')
    .option('--apply', 'change the files')
    .option('--remove', 'take back what --apply has changed, and nothing else')
    .addOption(new Option('--only <part>', 'one of the two files').choices(['engine', 'client']))
    .option('--daemon-json <file>', 'the engine’s file; default: /etc/docker/daemon.json')
    .option('--client-config <file>', 'the client’s file; default: config.json in $DOCKER_CONFIG or ~/.docker')
    .option('--bypass <list>', 'names, addresses and blocks that do not go to the gateway, beside loopback')
    .action(async (flags: DockerSetupFlags) => done(await runDockerSetup(flags, io)))
  program
    .command('demo')
    .description(
      'one minute, no set-up, no network: a gateway, two upstreams and a PAC file, and which way requests go',
    )
    .action(async () => done(await runDemo(io)))
  return program
}
