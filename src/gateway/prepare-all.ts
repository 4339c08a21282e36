/** Something made ready beside what runs: put in force in one step, or undone. */
export interface Prepared {
  commit(): void
  abandon(): void
}

/** Makes ready one after the other. Rejects, with everything as it was, with what stood in the way of the first that can't be. */
export async function prepareAll(steps: readonly (() => Promise<Prepared>)[]): Promise<Prepared> {
  const ready: Prepared[] = []
  const abandon = () => {
    for (const one of ready.toReversed()) one.abandon()
  }
  try {
    for (const step of steps) ready.push(await step())
  } catch (thrown) {
    abandon()
    throw thrown
  }
  return {
    abandon,
    commit() {
      for (const one of ready) one.commit()
    },
  }
}
