/** What the system counts of the connections of a process. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { KernelSockets, sentByProcess } from '../src/kernel-sockets.ts'

/** As `ss` of iproute2 6.1 has them: one that sent, one that sent again, one of somebody else, one that only received. */
const LINES = `0 0 127.0.0.1:4001 127.0.0.1:5002 users:(("node-MainThread",pid=71,fd=24)) bbr rto:204 bytes_sent:100000 bytes_acked:100001 segs_out:5
0 0 127.0.0.1:4001 127.0.0.1:5003 users:(("node",pid=71,fd=25)) bbr bytes_sent:134518 bytes_retrans:34518 bytes_acked:100001 data_segs_out:3
0 0 127.0.0.1:4001 127.0.0.1:5004 cubic bytes_sent:7 bytes_acked:8
0 0 127.0.0.1:4001 127.0.0.1:5005 users:(("a) pid=9,",pid=72,fd=3)) bbr bytes_received:90
`

describe('what ss says', () => {
  it('is summed by process, and what was sent again counts once', () => {
    expect(sentByProcess(LINES)).toEqual(new Map([[71, 200_000]]))
  })

  it('is nothing where it does not say how much was sent', () => {
    expect(sentByProcess('')).toBeUndefined()
    expect(sentByProcess(LINES.replaceAll('bytes_sent', 'sent'))).toBeUndefined()
  })
})

describe('the sockets of a process', () => {
  it('nobody is asked where there is no such program', async () => {
    expect(await new KernelSockets('/nothing/that/runs').sent()).toBeUndefined()
  })

  it('nobody waits for who gives no answer', async () => {
    const mute = join(await mkdtemp(join(tmpdir(), 'mute-')), 'ss')
    await writeFile(mute, '#!/bin/sh\nexec sleep 60\n', { mode: 0o755 })
    expect(await new KernelSockets(mute, 50).sent()).toBeUndefined()
  })

  it('have sent what it wrote to them', async ({ skip }) => {
    const server = createServer(socket => socket.resume())
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    const child = spawn(process.execPath, [
      '-e',
      `const socket = require('net').connect(${port}, '127.0.0.1', () => socket.write(Buffer.alloc(123456)))`
    ])
    try {
      await once(server, 'connection')
      if ((await new KernelSockets().sent()) === undefined) skip('There is no ss of iproute2.')
      // Another count is asked for each time.
      await vi.waitFor(
        async () => expect((await new KernelSockets().sent())!.get(child.pid!)).toBe(123_456),
        { timeout: 15_000, interval: 100 }
      )
    } finally {
      child.kill('SIGKILL')
      server.close()
    }
  })
})
