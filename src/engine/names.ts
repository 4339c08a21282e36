/** Ids of containers, networks and endpoints: 64 hexadecimal digits from Docker, some more kinds of characters from others. Safe in a path. */
export const ID = /^[A-Za-z0-9]{1,128}$/

/** The same of a network, or its name: Podman says that in the place of the id. */
export const NETWORK_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$/

/** Characters of a name of whatever kind. DNS ends at 253. */
export const MAX_NAME = 255

/** What containers, aliases and compose services may be called: what can stand in a host name, and Docker's underscore. */
export const HOST_LIKE = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,253}[A-Za-z0-9_-])?$/

/** What an engine's list has for an image that no name leads to. */
export const IMAGE_ID = /^(?:sha256:)?[0-9a-f]{12,64}$/
