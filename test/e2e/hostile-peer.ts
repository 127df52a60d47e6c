/**
 * A process that misuses Gnutella against one node, for `hostile.full.test.ts`. It speaks real libp2p and
 * takes one of four parts: `garbage` sends random, truncated, oversized and replayed descriptors and comes back
 * whenever it is sent away; `flood` sends well-formed queries that match, each with a fresh id, at a rate;
 * `mute` asks for answers and never reads one; `answer` answers each query with so many large hits. It prints a line of JSON each second with what it sent.
 *
 * Usage: node hostile-peer.ts PART MULTIADDR SECONDS [DESCRIPTORS|RATE]
 */
import { randomBytes, randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { identify } from '@libp2p/identify'
import type { Stream } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { gnutellaCodec } from '@servent/gnutella/wire'
import { createLibp2p } from 'libp2p'

const PROTOCOL = '/servent/gnutella/0.6.0'
const SEARCHED = 'haystack needle'
/** Written at once: more than any reader takes before it has judged the first of them. */
const BATCH = { garbage: 20_000, mute: 400 } as Record<string, number>
const BATCH_BYTES = 2 * 1024 * 1024

const [part, address, secondsText, amountText] = process.argv.slice(2) as [string, string, string, string?]
const amount = Number(amountText ?? 0)
const endsAt = Date.now() + Number(secondsText) * 1000
const target = multiaddr(address)
const sent = { part, descriptors: 0, bytes: 0, links: 0, refused: 0 }
const replayed: Uint8Array[] = []

const guid = (): string => randomBytes(16).toString('hex')

function query(): Uint8Array {
  return gnutellaCodec.open('initiator').encode({
    type: 'query',
    guid: guid(),
    ttl: 7,
    hops: 0,
    flags: 0x8000,
    text: SEARCHED,
    urns: [],
    ggep: []
  })
}

/** A frame whose header may lie about its length, its type and its TTL. */
function frame(type: number, length: number, payload: Uint8Array, ttl = 7, hops = 0): Uint8Array {
  const bytes = new Uint8Array(23 + payload.length)
  bytes.set(randomBytes(16))
  bytes[16] = type
  bytes[17] = ttl
  bytes[18] = hops
  new DataView(bytes.buffer).setUint32(19, length, true)
  bytes.set(payload, 23)
  return bytes
}

const TYPES = [0x00, 0x01, 0x02, 0x30, 0x31, 0x40, 0x80, 0x81]

/** Random, truncated, oversized or replayed; `ends` says that no honest reader can go on after it. */
function garbage(): { bytes: Uint8Array; ends: boolean } {
  const type = TYPES[randomInt(TYPES.length)]!
  const draw = randomInt(30_000)
  if (draw === 0) return { bytes: randomBytes(23 + randomInt(200)), ends: true }
  if (draw === 1) return { bytes: frame(type, 0xffff_fff0, randomBytes(32)), ends: true }
  if (draw === 2) return { bytes: frame(type, 500, randomBytes(20)), ends: true }
  if (draw < 9_000 && replayed.length > 0)
    return { bytes: replayed[randomInt(replayed.length)]!, ends: false }
  if (draw < 18_000) {
    const whole = query()
    if (replayed.length < 64) replayed.push(whole)
    return { bytes: frame(0x80, randomInt(3), whole.subarray(23, 23 + randomInt(3))), ends: false }
  }
  const payload = randomBytes(randomInt(64))
  return { bytes: frame(type, payload.length, payload, randomInt(256), randomInt(256)), ends: false }
}

/** Hits of some 4 KB for a query, as many as were asked for on the command line. */
function hits(id: string): Uint8Array {
  const codec = gnutellaCodec.open('initiator')
  const results = Array.from({ length: 20 }, (_, index) => ({
    index,
    size: 1000 + index,
    name: `${SEARCHED} ${'x'.repeat(160)} ${index}`,
    urns: [],
    ggep: []
  }))
  const one = () =>
    codec.encode({
      type: 'query-hit',
      guid: id,
      ttl: 7,
      hops: 0,
      ipv4: 0,
      port: 0,
      speed: 0,
      results,
      vendor: 'EVIL',
      flags: {},
      ggep: [],
      servent: guid()
    })
  return Buffer.concat(Array.from({ length: amount }, one))
}

async function handshake(stream: Stream): Promise<boolean> {
  const codec = gnutellaCodec.open('initiator')
  stream.send(
    codec.encode({
      type: 'connect',
      headers: { 'user-agent': 'hostile/1', ggep: '0.5', 'bye-packet': '0.1', 'pong-caching': '0.1' }
    })
  )
  const status = await new Promise<number>(resolve => {
    stream.addEventListener('message', event =>
      codec.decode(event.data.subarray(), message => {
        if (message.type === 'status') resolve(message.status)
        if (message.type === 'query' && part === 'answer' && stream.writeStatus === 'writable') {
          stream.send(hits(message.guid))
          sent.descriptors += amount
        }
      })
    )
    stream.addEventListener('close', () => resolve(0))
  })
  if (status !== 200) return false
  stream.send(codec.encode({ type: 'status', status: 200, reason: 'OK', headers: {} }))
  return true
}

async function writable(stream: Stream): Promise<void> {
  if (!stream.writableNeedsDrain || stream.status !== 'open') return
  await new Promise<void>(resolve => {
    const done = (): void => {
      clearTimeout(timer)
      resolve()
    }
    const timer = setTimeout(done, 1000)
    stream.addEventListener('drain', done, { once: true })
    stream.addEventListener('close', done, { once: true })
  })
}

async function misuse(stream: Stream): Promise<void> {
  if (part === 'answer') {
    while (stream.status === 'open' && Date.now() < endsAt) await sleep(100)
    return
  }
  let nextMs = Date.now()
  while (
    stream.status === 'open' &&
    Date.now() < endsAt &&
    (part !== 'garbage' || sent.descriptors < amount)
  ) {
    const pieces: Uint8Array[] = []
    let bytes = 0
    let ends = false
    const batch = BATCH[part] ?? Math.max(1, Math.round(amount / 50))
    for (let count = 0; count < batch && bytes < BATCH_BYTES && !ends; count += 1) {
      const next = part === 'garbage' ? garbage() : { bytes: query(), ends: false }
      pieces.push(next.bytes)
      bytes += next.bytes.length
      ends = next.ends
    }
    stream.send(Buffer.concat(pieces))
    sent.descriptors += pieces.length
    sent.bytes += bytes
    await writable(stream)
    if (part === 'mute') stream.pause()
    if (part === 'flood' || part === 'mute') {
      nextMs = Math.max(nextMs + 20, Date.now())
      await sleep(Math.max(0, nextMs - Date.now()))
    }
    if (ends) return
  }
}

async function link(): Promise<void> {
  // A new PeerId each time, so that being remembered does not help against it.
  const node = await createLibp2p({
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify() }
  })
  try {
    const stream = await node.dialProtocol(target, PROTOCOL)
    sent.links += 1
    if (await handshake(stream)) await misuse(stream)
    else sent.refused += 1
  } catch {
    sent.refused += 1
  } finally {
    await node.stop()
  }
}

const report = setInterval(() => console.log(JSON.stringify(sent)), 1000)
while (Date.now() < endsAt && (part !== 'garbage' || sent.descriptors < amount)) {
  await link()
  await sleep(50)
}
clearInterval(report)
console.log(JSON.stringify({ ...sent, event: 'done' }))
