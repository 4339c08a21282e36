import { HttpProxyAgent } from 'http-proxy-agent'
import WebSocket from 'ws'
import type { ProxyAddress } from './tunnel.ts'

const TIMEOUT_MS = 10_000

/**
 * A WebSocket over plain HTTP, asked for in absolute-form with `Upgrade`, as a browser's library does through a proxy. Sends each message,
 * waits for its echo, and gives back what came: the server's greeting first.
 */
export function webSocketEcho(door: ProxyAddress, url: string, messages: readonly string[]): Promise<string[]> {
  const user = door.user ? `${encodeURIComponent(door.user.name)}:${encodeURIComponent(door.user.password)}@` : ''
  const agent = new HttpProxyAgent(`http://${user}${door.host}:${door.port}`)
  const socket = new WebSocket(url, { agent, handshakeTimeout: TIMEOUT_MS })
  const received: string[] = []
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`only ${received.length} messages in ${TIMEOUT_MS} ms`))
      socket.terminate()
    }, TIMEOUT_MS)
    socket.on('message', (data) => {
      received.push(String(data))
      const next = messages[received.length - 1]
      if (next === undefined) socket.close(1000)
      else socket.send(next)
    })
    socket.once('error', reject)
    socket.once('close', (code) => {
      clearTimeout(timer)
      if (code === 1000) resolve(received)
      else reject(new Error(`closed with ${code} after ${received.length} messages`))
    })
  })
}
