import { openLog } from '@servent/node'
import { expect, it, vi } from 'vitest'
import { crashHandler } from '../src/daemon/crash.ts'

it('ends the process after its line', async () => {
  const lines: string[] = []
  const log = await openLog({ level: 'info', write: line => lines.push(line) })
  const exit = vi.fn()
  crashHandler(log, exit)(new Error('lost'))
  expect(exit).toHaveBeenCalledOnce()
  expect(lines.map(line => JSON.parse(line))).toMatchObject([{ level: 60, err: { message: 'lost' } }])
})

it('ends the process also where the line cannot be written', async () => {
  const log = await openLog({
    level: 'info',
    write() {
      throw new Error('ENOSPC: no space left on device')
    }
  })
  const exit = vi.fn()
  expect(() => crashHandler(log, exit)(new Error('lost'))).not.toThrow()
  expect(exit).toHaveBeenCalledOnce()
})
