import { isatty } from 'node:tty'
import pino, { type DestinationStream, type Logger } from 'pino'
import { prettyFactory } from 'pino-pretty'
import { LogOutput } from './log-output.ts'

export type Log = Logger

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  /** `auto`: for people where standard error is a terminal, one JSON object a line otherwise. */
  readonly format: 'auto' | 'pretty' | 'json'
}

/** The log. It goes to standard error, for standard output belongs to results. */
export function createLog(options: LogOptions, destination: DestinationStream = new LogOutput()): Log {
  const forPeople = options.format === 'pretty' || (options.format === 'auto' && isatty(2))
  const stream = forPeople ? forPeopleTo(destination) : destination
  const log = pino({ level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream)
  if (destination instanceof LogOutput) {
    destination.onGap((lines, reason) =>
      log.warn({ lines, reason }, 'lines are missing here: they could not be written'),
    )
  }
  return log
}

/** Not by pino-pretty's own stream: what waits in that has no limit. */
function forPeopleTo(destination: DestinationStream): DestinationStream {
  const words = prettyFactory({ colorize: isatty(2), ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' })
  return { write: (line) => destination.write(words(line)) }
}
