/** Waits for what nobody can end, for as long as somebody wants it; rejects with the signal's reason. */
export async function whileWanted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  // If nobody wants it any more, nobody hears that it failed.
  work.catch(() => {})
  signal.throwIfAborted()
  let onAbort = () => {}
  const unwanted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort)
  })
  try {
    await Promise.race([work, unwanted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
