/**
 * Serves what the library shares to peers, in HTTP/1.1 on streams that somebody else accepted. `node:http`
 * reads the requests; see `request-target.ts` for what can be asked for.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { BlockReader, SharedFile } from '@servent/overlay'
import { etagOf, sendBusy, sendFileHead, sendStatus, sendUnsatisfiable } from './answers.ts'
import { SourceLostError } from './errors.ts'
import { readHashes, refuseHashes } from './hash-answer.ts'
import type { Standing } from './ledger.ts'
import { SERVER_LIMITS, type ServerLimits } from './limits.ts'
import { type ByteRange, parseRange } from './range.ts'
import { PeerCaps, RateCap } from './rate.ts'
import { parseTarget, type Resource } from './request-target.ts'
import { ServerConnection } from './server-connection.ts'
import type { FileServerInit, UploadStatus } from './types.ts'
import { Upload } from './upload.ts'
import { UploadQueue } from './upload-queue.ts'

const CHANGED = 'This file is not what was shared under this id any more.'

export class FileServer {
  readonly #init: FileServerInit
  readonly #limits: ServerLimits
  readonly #http: Server
  readonly #cap: RateCap | undefined
  readonly #peerCaps: PeerCaps
  readonly #queue: UploadQueue
  readonly #connections = new Map<Duplex, ServerConnection>()
  readonly #uploads = new Set<Upload>()
  /** Files that peers wait for, to show them: by the text of their id. */
  readonly #wanted = new Map<string, SharedFile>()
  /** Peers for which hashes are being read, once for each answer. */
  readonly #hashing: string[] = []
  #stopped = false

  constructor(init: FileServerInit) {
    this.#init = init
    this.#limits = { ...SERVER_LIMITS, ...init.limits }
    this.#queue = new UploadQueue(this.#limits, peer => this.#standing(peer))
    const cap = init.maxUploadBytesPerSecond
    this.#cap = cap === undefined ? undefined : new RateCap(cap)
    this.#peerCaps = new PeerCaps(init.maxUploadBytesPerSecondPerPeer)
    this.#http = createServer({ maxHeaderSize: this.#limits.headerBytesMax, keepAliveTimeout: 0 })
    this.#http.on('request', (request, response) => this.#begin(request, response))
    // Whoever waits for "100 Continue" has a body to send, and no request here has one.
    this.#http.on('checkContinue', (request, response) => this.#begin(request, response))
  }

  /** Answers requests on this stream until it ends. Over the bounds for streams it is destroyed at once. */
  serve(duplex: Duplex, peerId: string): void {
    const own = [...this.#connections.values()].filter(({ peer }) => peer === peerId).length
    const { connectionsMax, connectionsPerPeerMax } = this.#limits
    if (this.#stopped || this.#connections.size >= connectionsMax || own >= connectionsPerPeerMax) {
      duplex.on('error', () => {})
      duplex.destroy()
      return
    }
    const connection = new ServerConnection(duplex, peerId, this.#limits)
    this.#connections.set(duplex, connection)
    duplex.once('close', () => this.#connections.delete(duplex))
    connection.attach(this.#http)
  }

  /** What goes out now, then who waits, first in line first. */
  uploads(): UploadStatus[] {
    const nowMs = performance.now()
    const waiting = this.#queue.waiting(nowMs).map(({ peer, file }, index): UploadStatus => {
      const { name = '', size = 0 } = this.#wanted.get(file) ?? {}
      const progress = { sentBytes: 0, totalBytes: size, rate: 0 }
      const account = this.#account(peer)
      return { peer, id: file, name, size, state: 'queued', position: index + 1, ...progress, ...account }
    })
    const sending = [...this.#uploads].map(upload => ({
      ...upload.status(nowMs),
      ...this.#account(upload.peer)
    }))
    return [...sending, ...waiting]
  }

  /** Cuts what is under way. */
  async stop(): Promise<void> {
    this.#stopped = true
    const ends = [...this.#connections.keys()].map(
      duplex => new Promise<void>(resolve => duplex.once('close', () => resolve()))
    )
    for (const duplex of this.#connections.keys()) duplex.destroy()
    await Promise.all(ends)
  }

  #begin(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#connections.get(request.socket)
    if (connection === undefined || !connection.begin()) return
    response.once('close', () => connection.end())
    // A client that leaves is met where it matters: what is written after that goes nowhere.
    response.on('error', () => {})
    this.#answer(request, response, connection.peer).catch(error => {
      const { name, message } = error as Error
      this.#init.logger?.debug({ peer: connection.peer, error: name, reason: message }, 'an answer was cut')
      if (response.destroyed || response.writableEnded) return
      if (response.headersSent) response.destroy()
      else if (name === 'ContentChangedError') sendStatus(response, 410, CHANGED)
      else sendStatus(response, 500, 'This request could not be answered. Try again later.')
    })
  }

  async #answer(request: IncomingMessage, response: ServerResponse, peer: string): Promise<void> {
    const { method } = request
    if (method !== 'GET' && method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD')
      response.shouldKeepAlive = false
      return sendStatus(response, 405, 'Files are read with GET and HEAD.')
    }
    if (Number(request.headers['content-length'] ?? 0) > 0 || 'transfer-encoding' in request.headers) {
      response.shouldKeepAlive = false
      return sendStatus(response, 413, 'A request here has no body.')
    }
    const resource = parseTarget(request.url ?? '')
    if (resource.type === 'refused') return sendStatus(response, resource.status, resource.reason)
    const file = await this.#find(resource)
    if (file === undefined) return sendStatus(response, 404, 'This file is not shared here.')
    if (resource.type === 'hashes') return this.#answerHashes(resource, file, response, peer)
    return this.#answerFile(request, response, file, peer)
  }

  async #find(resource: Exclude<Resource, { type: 'refused' }>): Promise<SharedFile | undefined> {
    const { catalogue } = this.#init
    if (resource.type === 'sha1') return catalogue.bySha1(resource.sha1)
    if (resource.type !== 'index') return catalogue.get(resource.id)
    const file = await catalogue.byIndex(resource.index)
    // An index may have been given to another file since the peer heard of it.
    return file?.name === resource.name ? file : undefined
  }

  async #answerFile(
    request: IncomingMessage,
    response: ServerResponse,
    file: SharedFile,
    peer: string
  ): Promise<void> {
    const { headers, method } = request
    const whole = { start: 0, end: file.size }
    if (lists(headers['if-none-match'], etagOf(file))) {
      sendFileHead(response, 304, file, whole)
      return void response.end()
    }
    if (method === 'HEAD') {
      sendFileHead(response, 200, file, whole)
      return void response.end()
    }
    const ifRange = headers['if-range']
    const asked = ifRange === undefined || ifRange === etagOf(file) ? headers.range : undefined
    const range = parseRange(asked, file.size)
    if (range === 'unsatisfiable') return sendUnsatisfiable(response, file)
    const turn = this.#queue.ask(peer, file.id.toString(), performance.now())
    if (turn.type !== 'granted') {
      this.#remember(file)
      return sendBusy(response, turn, this.#limits, this.#account(peer))
    }
    let done = false
    try {
      done = await this.#upload(response, file, peer, range)
    } finally {
      this.#queue.release(turn.slot, done, performance.now())
    }
  }

  async #upload(
    response: ServerResponse,
    file: SharedFile,
    peer: string,
    asked: ByteRange | 'whole'
  ): Promise<boolean> {
    const range = asked === 'whole' ? { start: 0, end: file.size } : asked
    return this.#reading(file, response, async reader => {
      const cap = this.#peerCaps.take(peer)
      const caps = [this.#cap, cap].filter(cap => cap !== undefined)
      const upload = new Upload(peer, reader, range, this.#limits, caps)
      const gone = new AbortController()
      const leave = () => gone.abort(new SourceLostError('The client left.'))
      if (response.closed) leave()
      else response.once('close', leave)
      this.#uploads.add(upload)
      try {
        const first = range.end > range.start ? await upload.first() : new Uint8Array()
        sendFileHead(response, asked === 'whole' ? 200 : 206, file, range)
        await upload.send(response, first, gone.signal)
        await closed(response)
        return response.writableFinished
      } finally {
        this.#uploads.delete(upload)
        this.#peerCaps.giveBack(peer)
        this.#init.ledger?.took(peer, upload.sentBytes)
      }
    })
  }

  async #answerHashes(
    resource: Extract<Resource, { type: 'hashes' }>,
    file: SharedFile,
    response: ServerResponse,
    peer: string
  ): Promise<void> {
    const { height, index, count } = resource
    const run = { size: file.size, height, index, count }
    const refusal = refuseHashes(run, this.#limits)
    if (refusal !== undefined) return sendStatus(response, 400, refusal)
    const own = this.#hashing.filter(other => other === peer).length
    if (this.#hashing.length >= this.#limits.hashRequestsMax || own >= this.#limits.hashRequestsPerPeerMax) {
      response.setHeader('Retry-After', 1)
      return sendStatus(response, 503, 'Too many hashes are being read. Ask again in a second.')
    }
    this.#hashing.push(peer)
    try {
      await this.#reading(file, response, async reader => {
        const body = await readHashes(reader, run)
        response.writeHead(200, {
          'Content-Type': 'application/octet-stream',
          'Content-Length': body.length,
          'X-Servent-Size': file.size
        })
        response.end(response.req.method === 'HEAD' ? undefined : body)
        await closed(response)
        return true
      })
    } finally {
      this.#hashing.splice(this.#hashing.indexOf(peer), 1)
    }
  }

  /** Gives `read` an open reader and closes it. Answers 404 where the file went away meanwhile. */
  async #reading(
    file: SharedFile,
    response: ServerResponse,
    read: (reader: BlockReader) => Promise<boolean>
  ): Promise<boolean> {
    const reader = await this.#init.blocks.open(file.id)
    if (reader === undefined) {
      sendStatus(response, 404, 'This file is not shared here any more.')
      return false
    }
    try {
      return await read(reader)
    } finally {
      await reader.close()
    }
  }

  #standing(peer: string): Standing {
    return this.#init.ledger?.standing(peer) ?? 'newcomer'
  }

  #account(peer: string): Pick<UploadStatus, 'standing' | 'givenBytes' | 'takenBytes'> {
    const { givenBytes = 0, takenBytes = 0 } = this.#init.ledger?.of(peer) ?? {}
    return { standing: this.#standing(peer), givenBytes, takenBytes }
  }

  /** Bounded by the places of the queue: whoever is not waited for is forgotten first. */
  #remember(file: SharedFile): void {
    const waiting = new Set(this.#queue.waiting(performance.now()).map(place => place.file))
    for (const id of this.#wanted.keys()) if (!waiting.has(id)) this.#wanted.delete(id)
    this.#wanted.set(file.id.toString(), file)
  }
}

/** An answer is closed when it was sent to its end, or when its stream broke. */
async function closed(response: ServerResponse): Promise<void> {
  if (response.closed || response.destroyed) return
  await new Promise<void>(resolve => response.once('close', () => resolve()))
}

function lists(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  return header.trim() === '*' || header.split(',').some(tag => tag.trim().replace(/^W\//, '') === etag)
}
