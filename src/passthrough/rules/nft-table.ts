import { TABLE } from './capture-plan.ts'
import type { Command } from './routing.ts'

/** Lists what stands of the rules, whoever has put it there. */
export const LIST: Command = ['nft', 'list', 'table', 'inet', TABLE]
/** What nft says of a table that is not there. */
export const NO_TABLE = /No such file or directory/
/** What it says to whoever may not look or change. */
export const NO_RIGHTS = /Operation not permitted|Permission denied/i
