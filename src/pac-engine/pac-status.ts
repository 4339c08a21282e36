/** Of a script in use, for people. */
export interface PacStatus {
  readonly source: string
  /** The upstreams that its server is reached through, where not directly. */
  readonly via?: string
  readonly sha256?: string
  /** When the version was read or last confirmed, in milliseconds since the epoch, by the system's clock as it stands now. */
  readonly fetchedAt?: number
  readonly contentType?: string
  /** Why there is no version, or why the one in use is not the newest. */
  readonly failure?: string
  /** Decisions of the version in use that failed, and why the last one did. */
  readonly failedDecisions?: number
  readonly lastFailedDecision?: string
  /** Why the one in use is not on disk, for a start without its server. */
  readonly notKept?: string
}
