/** One address a container has in one network. */
export interface ContainerEndpoint {
  /** The network's name and id, as the engine gives them. */
  readonly network: string
  readonly networkId: string
  /** Canonical text, as in `Target.host`; IPv4 and IPv6. */
  readonly addresses: readonly string[]
  /** Names that other containers of the network know it by, the compose service's among them. */
  readonly aliases: readonly string[]
}

/** A running container as policy and people see it. */
export interface Container {
  readonly id: string
  /** Without the leading slash. */
  readonly name: string
  /** As it was asked for when the container was made, whatever the name leads to now: `nginx:alpine`. */
  readonly image: string
  /** The engine has not said that: `image` is an id, which its list has where the name it was asked for leads elsewhere now. */
  readonly untoldImage?: true
  readonly labels: Readonly<Record<string, string>>
  /** Labels too long to be read: their names; `'any'` where there are more of them than can be read. What they say is not known. */
  readonly unreadLabels?: readonly string[] | 'any'
  /** Of compose: the labels `com.docker.compose.project` and `.service`, which can be the image's own. */
  readonly project?: string
  readonly service?: string
  /**
   * Compose has not given it its service's name in a network, as with `compose run` or where only the image has the labels: it is of the service for
   * rules, and does not have the service's name.
   */
  readonly unnamed?: true
  /** The id of the container whose network it has in place of one of its own (`--network container:NAME`). */
  readonly networkOf?: string
  readonly endpoints: readonly ContainerEndpoint[]
  /** Addresses that it goes out by and has in none of its networks, canonical: those in docker_gwbridge, of a container in overlay networks. */
  readonly outward?: readonly string[]
}

/** A network of the engine that containers have addresses in. */
export interface ContainerNetwork {
  readonly id: string
  readonly name: string
  readonly driver: string
  /** Its containers are behind a bridge of the engine's host. Not so with macvlan, ipvlan or overlay: their addresses lead elsewhere from there, or nowhere. */
  readonly bridged: boolean
  /** Has no way out of its own. */
  readonly internal: boolean
  /** The engine keeps its containers from each other (`com.docker.network.bridge.enable_icc`). */
  readonly parted?: true
  /** The engine has no names in it: Docker's default bridge. */
  readonly nameless?: true
  /** The engine's host's interface, where there is one and its name is told: `docker0`, `br-0123456789ab`. */
  readonly bridge?: string
  /** CIDR blocks, IPv4 and IPv6. */
  readonly subnets: readonly string[]
  /** The host's own addresses in the network. */
  readonly gateways: readonly string[]
  /** The engine has not said which of its addresses is whose. */
  readonly untold?: true
  /** New: who is in it has not been read yet, whatever has been read of others. */
  readonly unread?: true
}

/** A container that exists and does not run: enough to say so. */
export interface StoppedContainer extends Pick<Container, 'name' | 'project' | 'service'> {
  /** It has ended and is to be started again by its restart policy, or goes for good. Absent: it has stopped, or was never started. */
  readonly state?: 'restarting' | 'removing'
}

/** What is known of the engine's containers and networks, followed live; a snapshot, replaced as a whole on every change. */
export interface ContainerView {
  readonly networks: readonly ContainerNetwork[]
  readonly containers: readonly Container[]
  readonly stopped?: readonly StoppedContainer[]
}

/** Follows an engine. Never throws for an engine that is away: the view is then the last one, and `connected` false. */
export interface ContainerDirectory {
  readonly connected: boolean
  /** Empty until an engine has been seen. */
  view(): ContainerView
  /** Whose address it is; `address` canonical. Undefined where two containers have it. */
  byAddress(address: string): Container | undefined
  /** Called after each change of the view. The returned function ends it. */
  onChange(listener: () => void): () => void
  close(): void
}
