/** Asks a FileServer over real sockets, as a peer does: one keep-alive connection for each asker. */
import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import type { Socket } from 'node:net'
import type { FileServer } from '../../src/index.ts'
import { socketPair } from './sockets.ts'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export class Asker {
  readonly socket: Socket
  readonly #agent: Agent

  private constructor(socket: Socket) {
    this.socket = socket
    this.#agent = new Agent({ keepAlive: true, maxSockets: 1 })
    this.#agent.createConnection = () => socket
  }

  static async connect(server: FileServer, peer = 'peer'): Promise<Asker> {
    const [near, far] = await socketPair()
    server.serve(far, peer)
    return new Asker(near)
  }

  ask(path: string, headers: Record<string, string> = {}, method = 'GET', body?: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const asking = request({ agent: this.#agent, path, headers, method }, response => {
        const chunks: Buffer[] = []
        response.on('data', chunk => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () =>
          resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks) })
        )
      })
      asking.on('error', reject)
      asking.end(body)
    })
  }

  /** Asks and reads nothing of the answer's body. */
  hold(path: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const asking = request({ agent: this.#agent, path }, response => resolve(response.statusCode!))
      asking.on('error', reject)
      asking.end()
    })
  }

  close(): void {
    this.socket.destroy()
  }
}
