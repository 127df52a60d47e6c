/** Stands between an index and its database, and can be down as a database is that is restarted. */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type pg from 'pg'

export class DatabaseProxy {
  readonly #to: { readonly path: string } | { readonly host: string; readonly port: number }
  readonly #user: string
  readonly #sockets = new Set<Socket>()
  #server: Server = createServer()
  #port = 0

  /** To the server that a URL names, by a socket in a folder (`?host=`) or by its host. */
  static async start(url: string): Promise<DatabaseProxy> {
    const proxy = new DatabaseProxy(new URL(url))
    await proxy.up()
    return proxy
  }

  private constructor({ hostname, port, searchParams, username }: URL) {
    const folder = searchParams.get('host')
    this.#user = username
    this.#to =
      folder === null
        ? { host: hostname, port: Number(port || 5432) }
        : { path: `${folder}/.s.PGSQL.${port || 5432}` }
  }

  get url(): string {
    return `postgres://${this.#user}@127.0.0.1:${this.#port}/postgres`
  }

  get connection(): pg.PoolConfig {
    return { host: '127.0.0.1', port: this.#port, user: this.#user, database: 'postgres' }
  }

  async up(): Promise<void> {
    this.#server = createServer(socket => {
      const other = connect(this.#to)
      for (const [one, another] of [
        [socket, other],
        [other, socket]
      ] as const) {
        this.#sockets.add(one)
        one.on('error', () => {})
        one.on('close', () => {
          this.#sockets.delete(one)
          another.destroy()
        })
        one.pipe(another)
      }
    })
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as { port: number }).port
  }

  /** Nothing comes from the database any more, and nobody is told: as one behind a cable that is cut. */
  hang(): void {
    for (const socket of this.#sockets) {
      socket.unpipe()
      socket.pause()
    }
  }

  async down(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  async stop(): Promise<void> {
    await this.down()
  }
}
