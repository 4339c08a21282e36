/** What one client may use of the door. Milliseconds and bytes. */
export interface HttpDoorLimits {
  /** From a connection's start, or a request's first byte, to the end of its head. */
  readonly headMs: number
  /** Without a byte in either direction in the middle of a request. Long: origins that think are the rule, not the exception. */
  readonly idleMs: number
  /** Between requests. */
  readonly keepAliveMs: number
  /** From the request's last byte to the head of the final response. */
  readonly responseHeadMs: number
  /** That a client which has sent FIN is waited for until its response begins: on the wire it looks like one that is gone. */
  readonly halfClosedMs: number
  /** Of a request head. */
  readonly maxHeaderBytes: number
  /**
   * Requests read ahead of their turn, over all connections. One read of 64 KiB can hold two thousand, of about 2 KiB each once parsed, and
   * reading can be paused only after it. Beyond this, connections that pipeline deeply are reset; the others never notice.
   */
  readonly maxWaiting: number
  /** Of a request body that nobody wants any more, read so that the connection stays usable. */
  readonly drainBytes: number
  readonly drainMs: number
}

export const DEFAULT_HTTP_DOOR_LIMITS: HttpDoorLimits = {
  headMs: 30_000,
  idleMs: 300_000,
  keepAliveMs: 30_000,
  responseHeadMs: 120_000,
  halfClosedMs: 30_000,
  maxHeaderBytes: 32_768,
  maxWaiting: 20_000,
  drainBytes: 262_144,
  drainMs: 5_000,
}
