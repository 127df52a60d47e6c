/** Two ends of a real TCP connection on loopback. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

export async function socketPair(): Promise<[Socket, Socket]> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [[far]] = await Promise.all([accepted, once(client, 'connect')])
  server.close()
  return [client, far as Socket]
}

export async function listen(onSocket: (socket: Socket) => void): Promise<{ server: Server; port: number }> {
  const server = createServer(onSocket)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}

/** Reads until the other end closes. */
export async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** The line that comes before the first request, by which a test says who asks. */
export async function firstLine(socket: Socket): Promise<string> {
  for (let text = ''; ; ) {
    const chunk: string | null = socket.read()?.toString('latin1') ?? null
    text += chunk ?? ''
    const end = text.indexOf('\n')
    if (end !== -1) {
      socket.unshift(Buffer.from(text.slice(end + 1), 'latin1'))
      return text.slice(0, end)
    }
    await new Promise(resolve => socket.once('readable', resolve))
  }
}
