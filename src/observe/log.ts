import pino, { type DestinationStream, type Logger } from 'pino'
import pretty from 'pino-pretty'

export type Log = Logger

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  /** `auto`: for people where standard error is a terminal, one JSON object a line otherwise. */
  readonly format: 'auto' | 'pretty' | 'json'
}

/** The log. It goes to standard error, for standard output belongs to results. */
export function createLog(options: LogOptions, destination?: DestinationStream): Log {
  const forPeople = options.format === 'pretty' || (options.format === 'auto' && process.stderr.isTTY === true)
  const stream = forPeople
    ? pretty({
        destination: destination ?? 2,
        sync: true,
        colorize: process.stderr.isTTY === true,
        ignore: 'pid,hostname',
        translateTime: 'SYS:HH:MM:ss.l',
      })
    : (destination ?? pino.destination({ dest: 2, sync: true }))
  return pino({ level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream)
}
