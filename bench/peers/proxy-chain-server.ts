import { Server } from 'proxy-chain'

const server = new Server({ host: '127.0.0.1', port: Number(process.argv[2]) })
await server.listen()
process.on('disconnect', () => process.exit())
