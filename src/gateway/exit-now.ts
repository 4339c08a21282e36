// For the commands, which know the gateway and nothing below it.
export { exitNow, isLookingUp } from '../system/linux/exit.ts'
