import { GatewayError } from '../contracts/gateway-error.ts'

/** Throws where there are no transparent sockets. */
export function assertLinux(): void {
  if (process.platform === 'linux') return
  throw new GatewayError('INTERNAL', `capture works on Linux only, and this is ${process.platform}`, {
    hint: 'Set capture.enabled: false, or run the gateway in the containers’ virtual machine.',
  })
}
