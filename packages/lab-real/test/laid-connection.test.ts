/** One connection laid over lines, on a clock that the test moves. */
import { AbstractMultiaddrConnection } from '@libp2p/utils'
import { multiaddr } from '@multiformats/multiaddr'
import { silentComponentLogger } from '@servent/libp2p-host'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { layConnection } from '../src/laid-connection.ts'
import { Line } from '../src/line.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

/** A connection of libp2p whose socket keeps account of what it is given. */
class Connection extends AbstractMultiaddrConnection {
  readonly sent: number[] = []
  isClosed = false
  isFull = false

  constructor() {
    super({
      remoteAddr: multiaddr('/ip4/127.0.0.1/tcp/1'),
      direction: 'outbound',
      log: silentComponentLogger.forComponent('test')
    })
  }

  sendData(data: Parameters<AbstractMultiaddrConnection['sendData']>[0]) {
    this.sent.push(data.byteLength)
    return { sentBytes: data.byteLength, canSendMore: !this.isFull }
  }
  async sendClose() {
    this.isClosed = true
  }
  /** As `send` hands it over. */
  list(bytes: number) {
    const list = this.writeBuffer.sublist()
    list.append(new Uint8Array(bytes))
    return list
  }
  sendReset() {}
  sendPause() {}
  sendResume() {}
}

const linesOf = (bytesPerS: number) => ({ up: new Line(bytesPerS), down: new Line(bytesPerS) })

function laid(lines: ReturnType<typeof linesOf>, ms = 0) {
  const connection = new Connection()
  layConnection(connection, lines, ms)
  let received = 0
  connection.addEventListener('message', ({ data }) => {
    received += data.byteLength
  })
  return { connection, received: () => received }
}

describe('a connection over lines', () => {
  it('takes so long up and so long down as the lines do', () => {
    const { connection, received } = laid({ up: new Line(40_000), down: new Line(160_000) })
    const sent = () => connection.sent.reduce((bytes, piece) => bytes + piece, 0)
    connection.send(new Uint8Array(60_000))
    connection.onData(new Uint8Array(60_000))
    vi.advanceTimersByTime(370)
    expect(received()).toBeLessThan(60_000)
    vi.advanceTimersByTime(10)
    expect(received()).toBe(60_000)
    vi.advanceTimersByTime(1_110)
    expect(sent()).toBeLessThan(60_000)
    vi.advanceTimersByTime(20)
    expect(sent()).toBe(60_000)
  })

  it('is as far as it was said to be, each way', () => {
    const { connection, received } = laid({ up: new Line(), down: new Line() }, 60)
    connection.send(new Uint8Array(10))
    connection.onData(new Uint8Array(10))
    vi.advanceTimersByTime(59)
    expect([connection.sent, received()]).toEqual([[], 0])
    vi.advanceTimersByTime(1)
    expect([connection.sent, received()]).toEqual([[10], 10])
  })
})

describe('a connection that is over', () => {
  it.each(['reset', 'close'])('by a %s takes nothing of the line down from others', how => {
    const lines = linesOf(20_000)
    const [over, other] = [laid(lines), laid(lines)]
    if (how === 'reset') over.connection.abort(new Error('It broke.'))
    else over.connection.onTransportClosed(new Error('It is gone.'))
    over.connection.onData(new Uint8Array(20_000))
    other.connection.onData(new Uint8Array(14_600))
    // Which take 730 ms.
    vi.advanceTimersByTime(740)
    expect([over.received(), other.received()]).toEqual([0, 14_600])
  })

  it('takes nothing of the line up from others', () => {
    const lines = linesOf(20_000)
    const [over, other] = [laid(lines), laid(lines)]
    over.connection.abort(new Error('It broke.'))
    over.connection.sendData(over.connection.list(20_000))
    other.connection.sendData(other.connection.list(14_600))
    vi.advanceTimersByTime(740)
    expect(over.connection.sent).toEqual([])
    expect(other.connection.sent).toEqual(Array(10).fill(1_460))
  })

  it('has nothing on its way any more', () => {
    const { connection, received } = laid(linesOf(1_000_000), 100)
    connection.onData(new Uint8Array(1_000))
    expect(vi.getTimerCount()).toBe(1)
    connection.abort(new Error('It broke.'))
    expect(vi.getTimerCount()).toBe(0)
    connection.onData(new Uint8Array(1_000))
    expect(vi.getTimerCount()).toBe(0)
    expect(received()).toBe(0)
  })
})

describe('a close', () => {
  const outcome = async (closed: Promise<void>) =>
    closed.then(() => 'closed').catch((error: Error) => error.message)

  it('waits for what was sent before it', async () => {
    const { connection } = laid(linesOf(2_000))
    connection.send(new Uint8Array(8_000))
    const closed = outcome(connection.close())
    await vi.advanceTimersByTimeAsync(3_900)
    expect(connection.isClosed).toBe(false)
    await vi.advanceTimersByTimeAsync(110)
    expect(await closed).toBe('closed')
    expect(connection.isClosed).toBe(true)
  })

  it.each([
    ['a slow line', 0],
    ['a socket that stays full', 1]
  ])('waits for %s no longer than its signal says', async (_, full) => {
    const { connection } = laid(linesOf(2_000))
    connection.isFull = full === 1
    connection.send(new Uint8Array(8_000))
    const deadline = new AbortController()
    setTimeout(() => deadline.abort(new Error('It took too long.')), 500)
    let came = ''
    const closed = outcome(connection.close({ signal: deadline.signal })).then(what => (came = what))
    await vi.advanceTimersByTimeAsync(490)
    expect(came).toBe('')
    await vi.advanceTimersByTimeAsync(20)
    expect(came).toBe('It took too long.')
    await closed
    expect(connection.isClosed).toBe(false)
  })

  it('waits for nothing where its signal came before it', async () => {
    const { connection } = laid(linesOf(2_000))
    connection.send(new Uint8Array(8_000))
    const closed = outcome(connection.close({ signal: AbortSignal.abort(new Error('Too late.')) }))
    await vi.advanceTimersByTimeAsync(1)
    expect(await Promise.race([closed, 'it waits'])).toBe('Too late.')
  })

  it('goes on where a reset comes while it waits', async () => {
    const { connection } = laid(linesOf(2_000))
    connection.send(new Uint8Array(8_000))
    const closed = outcome(connection.close())
    await vi.advanceTimersByTimeAsync(100)
    connection.abort(new Error('It broke.'))
    expect(await closed).toBe('closed')
  })
})
