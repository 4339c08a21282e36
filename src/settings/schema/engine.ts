import { about, section } from '../about.ts'
import { parseEngineSocket } from '../values/engine-socket.ts'
import { parsedBy } from '../values/value-error.ts'

export const engineSchema = section({
  socket: about(parsedBy(parseEngineSocket).prefault('auto'), {
    form: '`auto`, `off`, `unix:///path`, `npipe:////./pipe/NAME` or `tcp://host:port`',
    help: 'Where the Docker engine’s API is. Fairlead only reads it. `auto`: `DOCKER_HOST`, else the engine’s usual socket. An engine that is away is followed once it comes. (Where systemd keeps its socket, a connection starts it: who stops it for a while stops `docker.socket` too.)',
  }),
})
