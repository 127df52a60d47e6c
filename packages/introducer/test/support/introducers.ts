/** Real introducers and real libp2p peers on loopback, where each of 127.0.0.0/8 is a host of its own. */
import { mkdtemp, rm } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Libp2p, PrivateKey } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { openDatabase, type ServentDatabase } from '@servent/database'
import { boundedYamux } from '@servent/libp2p-host'
import { createLibp2p } from 'libp2p'
import { onTestFinished } from 'vitest'
import { type Announcement, sealAnnouncement } from '../../src/announcement.ts'
import { base64url } from '../../src/answer.ts'
import { type IntroducerOptions, type RunningIntroducer, startIntroducer } from '../../src/index.ts'

export const GNUTELLA = [{ name: 'gnutella', role: 'peer' }] as const

export async function openTestDatabase(): Promise<ServentDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'servent-introducer-'))
  const database = openDatabase(join(folder, 'servent.db'))
  onTestFinished(async () => {
    database.close()
    await rm(folder, { recursive: true, force: true })
  })
  return database
}

export interface TestIntroducer extends RunningIntroducer {
  readonly url: string
}

/** Stopped when the test ends. */
export async function introducer(options: Partial<IntroducerOptions> = {}): Promise<TestIntroducer> {
  const running = await startIntroducer({
    privateKey: await generateKeyPair('Ed25519'),
    database: options.database ?? (await openTestDatabase()),
    port: 0,
    host: '127.0.0.1',
    ...options
  })
  onTestFinished(() => running.stop())
  return { ...running, url: `http://127.0.0.1:${running.port}/` }
}

export interface TestPeer {
  readonly libp2p: Libp2p
  readonly key: PrivateKey
  readonly id: string
  /** Without `/p2p`. */
  readonly address: string
  /** Connections that others opened to it. */
  calls(): number
}

export async function peer(host = '127.0.0.1', privateKey?: PrivateKey): Promise<TestPeer> {
  const key = privateKey ?? (await generateKeyPair('Ed25519'))
  const libp2p = await createLibp2p({
    privateKey: key,
    addresses: { listen: [`/ip4/${host}/tcp/0`] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [boundedYamux()],
    connectionManager: { inboundConnectionThreshold: 1_000 }
  })
  let calls = 0
  libp2p.addEventListener('connection:open', () => {
    calls += 1
  })
  onTestFinished(async () => libp2p.stop())
  const address = libp2p.getMultiaddrs()[0]!.toString().split('/p2p/')[0]!
  return { libp2p, key, id: libp2p.peerId.toString(), address, calls: () => calls }
}

export const announcementOf = ({ key, id, address }: TestPeer, given: Partial<Announcement> = {}) =>
  sealAnnouncement(
    { peerId: id, addresses: [address], overlays: GNUTELLA, issuedMs: Date.now(), ...given },
    key
  )

export interface Said {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever the server says
  readonly json: any
  // biome-ignore lint/suspicious/noExplicitAny: the same, of a signed answer
  readonly answer: any
}

export interface SayOptions {
  readonly method?: string
  readonly path?: string
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Whose address the request comes from. */
  readonly from?: string
}

/** One request from one of this machine's addresses. */
export function say(to: { port: number }, options: SayOptions = {}): Promise<Said> {
  const { method = 'GET', path = '/', body, headers = {}, from = '127.0.0.1' } = options
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port: to.port, method, path, headers, agent: false, localAddress: from },
      response => {
        let text = ''
        response.setEncoding('utf8').on('data', chunk => {
          text += chunk
        })
        response.once('error', reject).once('end', () =>
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            body: text,
            get json() {
              return JSON.parse(text)
            },
            get answer() {
              return JSON.parse(JSON.parse(text).answer)
            }
          })
        )
      }
    )
    request.once('error', reject).end(body)
  })
}

export const announce = (to: { port: number }, sealed: Uint8Array, from = '127.0.0.1') =>
  say(to, {
    method: 'POST',
    path: '/v1/announce',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ announcement: base64url(sealed) }),
    from
  })
