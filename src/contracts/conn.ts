import type { Duplex } from 'node:stream'

/**
 * A byte stream in both directions with independent ends, as `net.Socket` with `allowHalfOpen: true` gives it.
 * `test/contract/conn.ts` is the suite every Conn passes:
 * - `end()` sends FIN and leaves reading open; the peer's FIN is `'end'` and leaves writing open;
 * - bytes that arrived before the Conn was handed over are the first to be read (`unshift`);
 * - it is handed over paused, with no data listener and with an error listener's duty passed to the receiver;
 * - `destroy()` releases it at once, `destroy(error)` resets where the transport can.
 */
export type Conn = Duplex
