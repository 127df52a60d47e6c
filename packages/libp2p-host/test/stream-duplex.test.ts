import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import { Readable } from 'node:stream'
import { text as textOf } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { expect, test } from 'vitest'
import { type StreamDuplex, streamDuplex } from '../src/index.ts'
import { eventually, pattern, stands, streamPair } from './support/stream-pair.ts'

const MIB = 1024 * 1024
const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** Not by `for await`, which destroys a duplex when its reading half ends. */
async function collect(duplex: StreamDuplex): Promise<Buffer> {
  const chunks: Buffer[] = []
  duplex.on('data', chunk => chunks.push(chunk))
  await once(duplex, 'end')
  return Buffer.concat(chunks)
}

test('bytes arrive as they were written, both ways at once, and both halves close by themselves', async () => {
  await using pair = await streamPair()
  const near = streamDuplex(pair.near)
  const far = streamDuplex(pair.far)
  const there = pattern(6 * MIB, 1)
  const back = pattern(5 * MIB, 2)

  const [arrivedThere, arrivedBack] = await Promise.all([
    collect(far),
    collect(near),
    // One write larger than the stream's own buffer goes out in pieces.
    near.end(there),
    pipeline(Readable.from([back.subarray(0, 100), back.subarray(100, 70_000), back.subarray(70_000)]), far)
  ])

  expect(hash(arrivedThere)).toBe(hash(there))
  expect(hash(arrivedBack)).toBe(hash(back))
  await Promise.all([near.closed || once(near, 'close'), far.closed || once(far, 'close')])
  expect(pair.near.status).toBe('closed')
  expect(near.errored).toBeNull()
})

test('half close: the remote reads the end and can still answer', async () => {
  await using pair = await streamPair()
  const near = streamDuplex(pair.near)
  const far = streamDuplex(pair.far)

  near.end('question')
  expect((await collect(far)).toString()).toBe('question')
  expect(near.writableFinished).toBe(true)
  far.end('answer')
  expect((await collect(near)).toString()).toBe('answer')
})

test('a reader that rests holds the writer back: what is under way is bounded by the windows', async () => {
  await using pair = await streamPair()
  const near = streamDuplex(pair.near).on('error', () => {})
  const far = streamDuplex(pair.far)
  far.pause()
  let written = 0
  const chunk = pattern(64 * 1024)
  const write = async () => {
    while (written < 64 * MIB && !near.destroyed) {
      const more = near.write(chunk)
      written += chunk.length
      if (!more) await once(near, 'drain')
    }
    near.end()
  }
  const writing = write()

  const stoodAt = await stands(() => written)
  expect(stoodAt).toBeLessThan(8 * MIB)
  expect(pair.near.writeBufferLength).toBeLessThanOrEqual(256 * 1024)
  expect(pair.far.readBufferLength).toBeLessThanOrEqual(2 * MIB)

  let arrived = 0
  far.on('data', data => {
    arrived += data.length
  })
  far.resume()
  await Promise.all([writing, once(far, 'end')])
  expect(arrived).toBe(64 * MIB)
}, 30_000)

test('what came before anybody listened is not lost, nor is what waits when the remote ends', async () => {
  await using pair = await streamPair()
  const near = streamDuplex(pair.near).on('error', () => {})
  near.end('early')
  await once(near, 'finish')
  await new Promise(resolve => setTimeout(resolve, 20))

  expect((await collect(streamDuplex(pair.far))).toString()).toBe('early')
})

test('what a reader that rests has not taken when both halves are closed is still there for it', async () => {
  await using pair = await streamPair()
  const near = streamDuplex(pair.near).on('error', () => {})
  const far = streamDuplex(pair.far, { highWaterMarkBytes: 1024 })
  const sent = pattern(200 * 1024)
  near.resume().write(sent.subarray(0, 10_000))
  // Over what the duplex takes in: it rests, and the rest of one window stays in the stream.
  await eventually(() => pair.far.readStatus).toBe('paused')
  near.end(sent.subarray(10_000))
  await eventually(() => pair.far.readBufferLength).toBe(sent.length - 10_000)
  await eventually(() => pair.far.remoteWriteStatus).toBe('closed')
  far.end('nothing to say')
  await eventually(() => pair.far.status).toBe('closed')

  expect(hash(await collect(far))).toBe(hash(sent))
})

test('a destroyed duplex resets the stream: the other end sees ECONNRESET', async () => {
  await using pair = await streamPair()
  const near = streamDuplex(pair.near)
  const far = streamDuplex(pair.far)
  near.write('half of')
  await once(far, 'readable')

  near.destroy()
  const [error] = await once(far, 'error')
  expect(error).toMatchObject({ name: 'StreamEndedError', code: 'ECONNRESET' })
})

test('a connection that breaks in the middle is no end of file', async () => {
  await using pair = await streamPair()
  const far = streamDuplex(pair.far)
  streamDuplex(pair.near)
    .on('error', () => {})
    .write('half of')
  await once(far, 'readable')

  for (const connection of pair.nodes[0].getConnections()) connection.abort(new Error('cut'))
  const [error] = await once(far.resume(), 'error')
  expect(error).toMatchObject({ code: 'ECONNRESET' })
  expect(far.readableEnded).toBe(false)
})

test('a write after the remote has gone fails with EPIPE or ECONNRESET and does not hang', async () => {
  await using pair = await streamPair()
  const near = streamDuplex(pair.near)
  const failed = once(near, 'error')
  pair.far.abort(new Error('gone'))
  near.write(pattern(MIB))
  const [error] = await failed
  expect(['EPIPE', 'ECONNRESET']).toContain(error.code)
})

test('setTimeout tells of silence, and traffic puts it off', async () => {
  await using pair = await streamPair()
  const near = streamDuplex(pair.near)
  const calls: string[] = []
  near.setTimeout(60, () => calls.push('timeout'))
  near.write('traffic')
  await once(near, 'timeout')
  expect(calls).toEqual(['timeout'])
  near.setTimeout(0)
  near.destroy()
})

test('node:http runs on it at both ends: keep-alive, a large body, a slow reader', async () => {
  await using pair = await streamPair()
  const body = pattern(4 * MIB)
  const server = createServer((incoming, outgoing) => {
    outgoing.setHeader('Content-Length', incoming.url === '/large' ? body.length : 5)
    outgoing.end(incoming.url === '/large' ? body : 'small')
  })
  server.emit('connection', streamDuplex(pair.far))
  const client = streamDuplex(pair.near)
  const get = async (path: string, last = false): Promise<IncomingMessage> => {
    const asked = request({
      path,
      createConnection: () => client,
      headers: { connection: last ? 'close' : 'keep-alive' }
    })
    asked.end()
    const [answer] = await once(asked, 'response')
    return answer
  }

  const small = await get('/small')
  expect(small.headers.connection).toBe('keep-alive')
  expect(await textOf(small)).toBe('small')
  const large = await get('/large', true)
  const digest = createHash('sha256')
  for await (const chunk of large) {
    digest.update(chunk)
    await new Promise(resolve => setImmediate(resolve))
  }
  expect(digest.digest('hex')).toBe(hash(body))
  server.close()
})
