import { relayThreads } from '../relay/create-relay.ts'
import { frontThreads } from './front/doors-front.ts'

/** Threads that move bytes where the kernel can: those in front of the doors and the relay's. They share what a process and a user have. */
export const byteThreads = (inFront = frontThreads()): number =>
  process.platform === 'linux' ? inFront + relayThreads() : 0
