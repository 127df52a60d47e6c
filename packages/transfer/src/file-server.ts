/**
 * Serves what the library shares to peers, in HTTP/1.1 on streams that somebody else accepted. `node:http`
 * reads the requests; see `request-target.ts` for what can be asked for. Of a file that is not shared and is being
 * fetched, what is verified is given; every answer then says what that is (`X-Available-Ranges`).
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { type BlockReader, isPartial, type SharedFile } from '@servent/overlay'
import { etagOf, type ServedFile, sendBusy, sendFileHead, sendStatus, sendUnsatisfiable } from './answers.ts'
import { SourceLostError } from './errors.ts'
import { hashAnswerBytes, readHashes, refuseHashes } from './hash-answer.ts'
import type { Standing } from './ledger.ts'
import { SERVER_LIMITS, type ServerLimits } from './limits.ts'
import { type ByteRange, parseRange } from './range.ts'
import { PeerCaps, RateCap } from './rate.ts'
import { RequestPace } from './request-pace.ts'
import { parseTarget, type Resource } from './request-target.ts'
import type { ServedPart } from './served-part.ts'
import { ServerConnection } from './server-connection.ts'
import type { FileServerInit, UploadAccount, UploadStatus } from './types.ts'
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
  readonly #pace: RequestPace
  readonly #connections = new Map<Duplex, ServerConnection>()
  readonly #uploads = new Set<Upload>()
  /** Files that peers wait for, to show them: by the text of their id. */
  readonly #wanted = new Map<string, ServedFile>()
  /** Peers for which hashes are being read, once for each answer. */
  readonly #hashing: string[] = []
  #stopped = false

  constructor(init: FileServerInit) {
    this.#init = init
    this.#limits = { ...SERVER_LIMITS, ...init.limits }
    const { participation } = init
    const level = participation === undefined ? undefined : (peer: string) => participation.levelOf(peer)
    this.#queue = new UploadQueue(this.#limits, peer => this.#standing(peer), level)
    this.#pace = new RequestPace(this.#limits)
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
    if (this.#stopped || own >= this.#limits.connectionsPerPeerMax || !this.#hasRoom(peerId)) {
      duplex.on('error', () => {})
      duplex.destroy()
      return
    }
    const connection = new ServerConnection(duplex, peerId, this.#limits)
    this.#connections.set(duplex, connection)
    duplex.once('close', () => this.#connections.delete(duplex))
    connection.attach(this.#http)
  }

  /** Where all places are taken, one who gave something takes that of one who gave nothing and is not being sent to. */
  #hasRoom(peerId: string): boolean {
    if (this.#connections.size < this.#limits.connectionsMax) return true
    if (this.#standing(peerId) !== 'giver') return false
    const sendingTo = new Set([...this.#uploads].map(({ peer }) => peer))
    const others = [...this.#connections.values()].filter(
      ({ peer }) => !sendingTo.has(peer) && this.#standing(peer) !== 'giver'
    )
    const least = others.find(({ isIdle }) => isIdle) ?? others[0]
    if (least === undefined) return false
    this.#connections.delete(least.duplex)
    least.duplex.destroy()
    return true
  }

  /** What goes out now, then who waits, first in line first. */
  uploads(): UploadStatus[] {
    const nowMs = performance.now()
    const waiting = this.#queue.waiting(nowMs).map(({ peer, file }, index): UploadStatus => {
      const wanted = this.#wanted.get(file)
      const { name = '', size = 0 } = wanted ?? {}
      const partial = wanted !== undefined && isPartial(wanted) ? { partial: true as const } : {}
      const progress = { sentBytes: 0, totalBytes: size, rate: 0 }
      const account = this.#account(peer)
      const position = index + 1
      return { peer, id: file, name, size, state: 'queued', position, ...progress, ...account, ...partial }
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
    const waitMs = this.#pace.ask(connection.peer, performance.now())
    if (waitMs === 0) {
      this.#reply(request, response, connection)
      return
    }
    const later = setTimeout(() => this.#reply(request, response, connection), waitMs)
    response.once('close', () => clearTimeout(later))
  }

  #reply(request: IncomingMessage, response: ServerResponse, connection: ServerConnection): void {
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
    const shared = await this.#find(resource)
    const part = shared === undefined ? this.#findPart(resource) : undefined
    const file = shared ?? part?.file
    if (file === undefined) return sendStatus(response, 404, 'This file is not shared here.')
    if (part?.ranges !== undefined) response.setHeader('X-Available-Ranges', part.ranges)
    if (resource.type === 'hashes') return this.#answerHashes(resource, file, part, response, peer)
    return this.#answerFile(request, response, file, part, peer)
  }

  #findPart(resource: Exclude<Resource, { type: 'refused' }>): ServedPart | undefined {
    const { partials } = this.#init
    if (resource.type === 'sha1') return undefined
    if (resource.type !== 'index') return partials?.serving(resource.id)
    const part = partials?.servingAt(resource.index)
    return part?.file.name === resource.name ? part : undefined
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
    file: ServedFile,
    part: ServedPart | undefined,
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
    // 503, as the protocol of 2002 has it, means the queue here.
    if (part !== undefined && !part.has(range === 'whole' ? whole : range))
      return sendUnsatisfiable(response, file, 'not all of the range is here yet')
    const turn = this.#queue.ask(peer, file.id.toString(), performance.now())
    if (turn.type !== 'granted') {
      this.#remember(file)
      return sendBusy(response, turn, this.#limits, this.#account(peer))
    }
    let done = false
    try {
      done = await this.#upload(response, file, part, peer, range)
    } finally {
      this.#queue.release(turn.slot, done, performance.now())
    }
  }

  async #upload(
    response: ServerResponse,
    file: ServedFile,
    part: ServedPart | undefined,
    peer: string,
    asked: ByteRange | 'whole'
  ): Promise<boolean> {
    const range = asked === 'whole' ? { start: 0, end: file.size } : asked
    const open = () => part?.reader() ?? this.#init.blocks.open(file.id)
    return this.#reading(open, response, async reader => {
      const cap = this.#peerCaps.take(peer)
      const caps = [this.#cap, cap].filter(cap => cap !== undefined)
      const upload = new Upload(peer, file, reader, range, this.#limits, caps)
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
    file: ServedFile,
    part: ServedPart | undefined,
    response: ServerResponse,
    peer: string
  ): Promise<void> {
    const { height, index, count } = resource
    const run = { size: file.size, height, index, count }
    const refusal = refuseHashes(run, this.#limits)
    if (refusal !== undefined) return sendStatus(response, 400, refusal)
    // What is not sent is not read: how long it is, the run tells.
    if (response.req.method === 'HEAD')
      return void writeHashesHead(response, file, hashAnswerBytes(run)).end()
    const own = this.#hashing.filter(other => other === peer).length
    if (this.#hashing.length >= this.#limits.hashRequestsMax || own >= this.#limits.hashRequestsPerPeerMax) {
      response.setHeader('Retry-After', 1)
      return sendStatus(response, 503, 'Too many hashes are being read. Ask again in a second.')
    }
    this.#hashing.push(peer)
    try {
      if (part === undefined) {
        await this.#reading(
          () => this.#init.blocks.open(file.id),
          response,
          async reader => sendHashes(response, file, await readHashes(reader, run))
        )
      } else {
        const body = await part.piece(run)
        // Of one that is finished 416 would be taken for a lie: it names no ranges.
        if (body === undefined && part.isWhole)
          sendStatus(response, 404, 'These hashes of the file are not here.')
        else if (body === undefined) sendUnsatisfiable(response, file, 'these hashes are not here')
        else await sendHashes(response, file, body)
      }
    } finally {
      this.#hashing.splice(this.#hashing.indexOf(peer), 1)
    }
  }

  /** Gives `read` an open reader and closes it. Answers 404 where the file went away meanwhile. */
  async #reading<Reader extends Pick<BlockReader, 'close'>>(
    open: () => Reader | Promise<Reader | undefined>,
    response: ServerResponse,
    read: (reader: Reader) => Promise<boolean>
  ): Promise<boolean> {
    const reader = await open()
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
    const { participation, ledger } = this.#init
    return participation?.standingOf(peer) ?? ledger?.standing(peer) ?? 'newcomer'
  }

  #account(peer: string): UploadAccount {
    const { ledger, participation } = this.#init
    const { givenBytes = 0, takenBytes = 0 } = ledger?.of(peer) ?? {}
    const account = { standing: this.#standing(peer), givenBytes, takenBytes }
    if (participation === undefined) return account
    const level = participation.levelOf(peer)
    return { ...account, level, band: participation.bandOf(level) }
  }

  /** Bounded by the places of the queue: whoever is not waited for is forgotten first. */
  #remember(file: ServedFile): void {
    const waiting = new Set(this.#queue.waiting(performance.now()).map(place => place.file))
    for (const id of this.#wanted.keys()) if (!waiting.has(id)) this.#wanted.delete(id)
    this.#wanted.set(file.id.toString(), file)
  }
}

async function sendHashes(response: ServerResponse, file: ServedFile, body: Uint8Array): Promise<boolean> {
  writeHashesHead(response, file, body.length).end(body)
  await closed(response)
  return true
}

function writeHashesHead(response: ServerResponse, { size }: ServedFile, length: number): ServerResponse {
  return response.writeHead(200, {
    'Content-Type': 'application/octet-stream',
    'Content-Length': length,
    'X-Servent-Size': size
  })
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
