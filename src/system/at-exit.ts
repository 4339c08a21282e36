const actions = new Set<() => void>()

/**
 * Does something when the process ends. One listener of the process's for all that want it, one for each thread: Node takes more than ten for a leak, and a host of
 * many cores has more threads than that. Returns how to take it back.
 */
export function atExit(action: () => void): () => void {
  if (actions.size === 0) process.on('exit', all)
  actions.add(action)
  return () => {
    if (actions.delete(action) && actions.size === 0) process.off('exit', all)
  }
}

function all(): void {
  for (const action of actions) action()
}
