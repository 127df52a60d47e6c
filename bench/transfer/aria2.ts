/** The same bytes by aria2 from one HTTP source on loopback, where aria2 is installed: it verifies nothing. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Cost } from './measure.ts'

export function hasAria2(): boolean {
  try {
    execFileSync('aria2c', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Processor time is that of aria2 alone; how its memory grows is not known. */
export async function fetchByAria2(
  file: string,
  folder: string
): Promise<{ seconds: number; receiver: Cost }> {
  const { size } = await stat(file)
  const server = createServer((request, response) => {
    const [, first = '0', last = String(size - 1)] =
      /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? []
    const [start, end] = [Number(first), last === '' ? size - 1 : Number(last)]
    response.writeHead(request.headers.range === undefined ? 200 : 206, {
      'Content-Length': end - start + 1,
      'Content-Range': `bytes ${start}-${end}/${size}`,
      'Accept-Ranges': 'bytes'
    })
    createReadStream(file, { start, end, highWaterMark: 2 ** 20 }).pipe(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const startMs = performance.now()
  const command = `TIMEFORMAT='%U %S'; time aria2c --quiet --file-allocation=none --dir "$1" --out aria2 "$2"`
  const shell = spawn('bash', ['-c', command, 'bash', folder, `http://127.0.0.1:${port}/`], {
    stdio: ['ignore', 'ignore', 'pipe']
  })
  const said = text(shell.stderr)
  const [code] = await once(shell, 'exit')
  const seconds = (performance.now() - startMs) / 1000
  server.close()
  const times = /([\d.]+) ([\d.]+)\s*$/.exec(await said)
  if (code !== 0 || times === null) throw new Error(`aria2 ended with ${code}: ${await said}`)
  await rm(join(folder, 'aria2'))
  const cpuSeconds = Number(times[1]) + Number(times[2])
  return { seconds, receiver: { cpuSeconds, growthBytes: Number.NaN } }
}
