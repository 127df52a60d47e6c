/** The first words of a caller: how they are cut, how long they may be and take. */
import { Duplex, PassThrough } from 'node:stream'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { readCallHead } from '../src/call-head.ts'
import { CALL_HEAD_BYTES_MAX, CALL_HEAD_MS } from '../src/push-limits.ts'

afterEach(() => void vi.useRealTimers())

const turn = () => new Promise(resolve => setImmediate(resolve))

describe.each([['\n'], ['\r\n'], ['\n\n']])('the first words of a call that end with %j', end => {
  it('are read up to there, however they are cut, and what follows stays', async () => {
    const stream = new PassThrough()
    const read = readCallHead(stream, end)
    for (const part of ['GIV 1', ':x Nonce', ': 2', ...end, 'HTTP/1.1 ', '200 OK']) {
      stream.write(part)
      await turn()
    }
    expect(await read).toBe('GIV 1:x Nonce: 2')
    stream.end()
    expect(Buffer.concat(await stream.toArray()).toString()).toBe('HTTP/1.1 200 OK')
  })

  it('have CALL_HEAD_BYTES_MAX bytes at most', async () => {
    const longest = 'x'.repeat(CALL_HEAD_BYTES_MAX)
    const fits = new PassThrough()
    fits.write(`${longest}${end}rest`)
    expect(await readCallHead(fits, end)).toBe(longest)
    for (const text of [`${longest}x${end}`, `${longest}x`]) {
      const over = new PassThrough()
      over.write(text)
      await expect(readCallHead(over, end)).rejects.toMatchObject({
        name: 'PushError',
        message: expect.stringContaining('over 1024 bytes')
      })
    }
  })

  it('may come in two with their end at the limit', async () => {
    const stream = new PassThrough()
    const read = readCallHead(stream, end)
    const longest = 'x'.repeat(CALL_HEAD_BYTES_MAX)
    stream.write(`${longest}${end.slice(0, 1)}`)
    await turn()
    stream.write(end.slice(1))
    expect(await read).toBe(longest)
  })
})

describe('a caller', () => {
  it('says who it is within CALL_HEAD_MS', async () => {
    vi.useFakeTimers()
    const slow = readCallHead(new PassThrough(), '\n')
    const failed = expect(slow).rejects.toThrow('in time')
    await vi.advanceTimersByTimeAsync(CALL_HEAD_MS - 1)
    expect(vi.getTimerCount()).toBe(1)
    await vi.advanceTimersByTimeAsync(1)
    await failed
  })

  it('that goes away before is told of as gone', async () => {
    const short = new PassThrough()
    short.end('GIV')
    await expect(readCallHead(short, '\n')).rejects.toThrow('went away')
    const broken = new Duplex({ read() {}, write() {} })
    broken.on('error', () => {})
    const read = readCallHead(broken, '\n')
    broken.destroy(new Error('reset'))
    await expect(read).rejects.toMatchObject({ name: 'PushError' })
  })
})
