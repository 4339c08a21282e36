/** Milliseconds of silence after which a flow that only one side has spoken on is over: two tries of a DNS client, and what conntrack takes. */
export const ONE_WAY_IDLE_MS = 30_000
/** The same of one question, however often it was answered: as conntrack does, for programs that ask from a new port each time. */
export const QUESTION_IDLE_MS = 30_000
/** The same where both go on speaking: RFC 4787 REQ-5 asks of translators at least 2 minutes and recommends 5. */
export const BOTH_WAYS_IDLE_MS = 5 * 60_000
/** Milliseconds for which a refusal stands without asking again: spares the router a flood, and forgets before a person has mended the settings. */
export const REFUSAL_MS = 10_000
/** Milliseconds of silence after which a flow of a client that has no place left for more is over. */
export const MAKE_WAY_IDLE_MS = 10_000
/** Milliseconds between looks for such flows: each goes through all of them. */
export const MAKE_WAY_MS = 1_000
/** Milliseconds of silence after which a flow is over while the gateway drains: nobody says when a UDP exchange has ended. */
export const DRAIN_IDLE_MS = 1_000
/** Milliseconds between looks for flows that are over. */
export const SWEEP_MS = 5_000
/** The same while the gateway drains. */
export const DRAIN_SWEEP_MS = 100

/** Far sides of one client's socket at once; datagrams to more are dropped. A browser or a DNS server of a few users stays well below. */
export const FLOWS_PER_SESSION = 512
/** Flows of one client at once, over all of its sockets, so that one container cannot take every place. */
export const FLOWS_PER_CLIENT = 2_048
/** Flows at once. About 1 KiB each without their sockets. */
export const FLOWS = 16_384
/** Client sockets at once, where the limit on open files has room for them (`descriptor-limit.ts`); with the connections that there may be it does at 65,536. */
export const SESSIONS = 8_000
/** The same of one client. */
export const SESSIONS_PER_CLIENT = 1_024

/** Datagrams, and bytes of them, that wait for one flow's decision; more are dropped, as UDP may be. */
export const WAITING_PACKETS = 8
export const WAITING_BYTES = 128 * 1024
