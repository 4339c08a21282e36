/** For the log: a thread in front has ended by itself, and so many others are left. */
export function frontLost(reason: string, others: number): string {
  if (others === 0) return `clients are served without the thread in front: ${reason}`
  return `a thread in front has ended, and the clients that it served with it; ${others} go on: ${reason}`
}
