import type { Test } from 'tap'
import { TestCa } from './certificates.ts'
import { joinLab, type Lab } from './lab.ts'
import { createProcesses, type Processes } from './processes.ts'
import { UndoStack } from './undo.ts'

/** What every scenario file works with. Everything started through it ends with the file, in reverse order. */
export interface Scenario extends Processes {
  readonly lab: Lab
  readonly ca: TestCa
  readonly undo: UndoStack
}

export async function joinScenario(t: Test): Promise<Scenario> {
  const lab = joinLab()
  const undo = new UndoStack()
  t.teardown(() => undo.run())
  return { lab, undo, ca: await TestCa.create(lab.folder), ...createProcesses(lab, undo) }
}
