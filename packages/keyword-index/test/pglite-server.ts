/**
 * PGlite behind a socket, so that tests run the same code on it as on a real server. PGlite is one session: whoever is in
 * a transaction has it alone until that ends. It cannot read `COPY … FROM STDIN` from its client; that is answered here,
 * and what comes is given to it as a file.
 */
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { PGlite } from '@electric-sql/pglite'

const QUERY = 0x51 // 'Q'
const COPY_DATA = 0x64 // 'd'
const COPY_DONE = 0x63 // 'c'
const READY = 0x5a // 'Z'
const IDLE = 0x49 // 'I'
const FRAME_BYTES = 5

/** Text, no columns named: pg-copy-streams looks at no more. */
const COPY_IN = message('G', Buffer.from([0, 0, 0]))

export class PgliteServer {
  readonly #db: PGlite
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** Ends when nobody is in a transaction. */
  #turn: Promise<void> = Promise.resolve()

  static async start(): Promise<PgliteServer> {
    const db = await PGlite.create()
    const server = createServer()
    const running = new PgliteServer(db, server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return running
  }

  private constructor(db: PGlite, server: Server) {
    this.#db = db
    this.#server = server
    server.on('connection', socket => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
      void this.#serve(socket).catch(() => socket.destroy())
    })
  }

  get url(): string {
    const { port } = this.#server.address() as { port: number }
    return `postgres://postgres@127.0.0.1:${port}/postgres`
  }

  async stop(): Promise<void> {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await this.#db.close()
  }

  async #serve(socket: Socket): Promise<void> {
    const frames = framesOf(socket)
    let leave: (() => void) | undefined
    try {
      for await (const frame of frames) {
        leave ??= await this.#enter()
        const copy =
          frame[0] === QUERY ? /^COPY (.*) FROM STDIN\0$/s.exec(frame.toString('utf8', FRAME_BYTES)) : null
        const answer =
          copy === null ? await this.#db.execProtocolRaw(frame) : await this.#copy(copy[1]!, socket, frames)
        socket.write(answer)
        if (statusOf(answer) !== IDLE) continue
        leave()
        leave = undefined
      }
    } finally {
      // A client that is gone leaves no transaction behind.
      if (leave !== undefined) await this.#db.exec('ROLLBACK').catch(() => {})
      leave?.()
    }
  }

  async #enter(): Promise<() => void> {
    const before = this.#turn
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#turn = before.then(() => promise)
    await before
    return resolve
  }

  async #copy(into: string, socket: Socket, frames: AsyncIterator<Buffer>): Promise<Uint8Array> {
    socket.write(COPY_IN)
    const parts: Uint8Array<ArrayBuffer>[] = []
    for (;;) {
      const { value: frame, done } = await frames.next()
      if (done) throw new Error('The client went in the middle of a copy.')
      if (frame[0] === COPY_DATA) parts.push(Uint8Array.from(frame.subarray(FRAME_BYTES)))
      if (frame[0] === COPY_DONE) break
    }
    try {
      await this.#db.query(`COPY ${into} FROM '/dev/blob'`, [], {
        blob: new Blob(parts)
      })
      return Buffer.concat([message('C', Buffer.from('COPY 1\0')), message('Z', Buffer.from('T'))])
    } catch (error) {
      const fields = `SERROR\0C22000\0M${(error as Error).message}\0\0`
      return Buffer.concat([message('E', Buffer.from(fields)), message('Z', Buffer.from('E'))])
    }
  }
}

function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(FRAME_BYTES)
  head.write(type)
  head.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

/** The state of the session that the last answer ends with, nothing where it ends with none. */
function statusOf(answer: Uint8Array): number | undefined {
  const ready = answer.length - FRAME_BYTES - 1
  return ready >= 0 && answer[ready] === READY ? answer[ready + FRAME_BYTES] : undefined
}

/** One message at a time. The first has no letter before its length. */
async function* framesOf(socket: Socket): AsyncGenerator<Buffer, undefined> {
  let held = Buffer.alloc(0)
  let isFirst = true
  for await (const part of socket) {
    held = Buffer.concat([held, part as Buffer])
    for (;;) {
      const head = isFirst ? 0 : 1
      if (held.length < head + 4) break
      const end = head + held.readUInt32BE(head)
      if (held.length < end) break
      isFirst = false
      yield held.subarray(0, end)
      held = held.subarray(end)
    }
  }
  return undefined
}
