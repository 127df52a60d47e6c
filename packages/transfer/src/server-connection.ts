/**
 * One stream on which a peer speaks HTTP as the client, and its deadlines. `node:http` has deadlines of its
 * own only for sockets that it accepted itself, so they are kept here: a request's headers must be whole
 * `headerDeadlineMs` after their first byte (slowloris), and `idleMs` may pass without one.
 */
import type { Server } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ServerLimits } from './limits.ts'

export type ConnectionLimits = Pick<ServerLimits, 'requestsOutstandingMax' | 'headerDeadlineMs' | 'idleMs'>

export class ServerConnection {
  readonly duplex: Duplex
  /** PeerId in text form. */
  readonly peer: string
  readonly #limits: ConnectionLimits
  /** Requests that wait for their answer. */
  #outstanding = 0
  #timer: NodeJS.Timeout | undefined
  /** Whether bytes of a request came whose headers are not whole. */
  #receiving = false

  constructor(duplex: Duplex, peer: string, limits: ConnectionLimits) {
    this.duplex = duplex
    this.peer = peer
    this.#limits = limits
    this.#wait(limits.idleMs)
  }

  /** Hands the stream to the server. It must not have been given before. */
  attach(server: Server): void {
    const { duplex } = this
    server.emit('connection', duplex)
    // After the server's own listener: it must see an early byte as everybody does.
    duplex.on('data', () => this.#received())
    duplex.once('close', () => clearTimeout(this.#timer))
  }

  /** No request waits for its answer. */
  get isIdle(): boolean {
    return this.#outstanding === 0
  }

  /** A request's headers are whole. False where too many wait already: the stream is cut then. */
  begin(): boolean {
    this.#receiving = false
    clearTimeout(this.#timer)
    this.#outstanding += 1
    if (this.#outstanding <= this.#limits.requestsOutstandingMax) return true
    this.duplex.destroy()
    return false
  }

  /** A request was answered. */
  end(): void {
    this.#outstanding -= 1
    if (this.#outstanding === 0 && !this.duplex.destroyed) this.#wait(this.#limits.idleMs)
  }

  #received(): void {
    // While an answer is under way, its own deadlines hold; what comes meanwhile waits in the parser.
    if (this.#outstanding > 0 || this.#receiving) return
    this.#receiving = true
    this.#wait(this.#limits.headerDeadlineMs)
  }

  #wait(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.duplex.destroy(), ms).unref()
  }
}
