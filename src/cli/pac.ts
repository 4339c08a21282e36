import type { Io } from './io.ts'
export async function runPacEval(_options: object, _io: Io): Promise<number> {
  return 1
}
export async function runPacParse(_options: object, _io: Io): Promise<number> {
  return 1
}
