/** An exported thing that nobody uses is dead, and so is a dependency (knip reads knip.json). */
import { spawnSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { ROOT } from './sources.ts'

it('nothing exported is dead', () => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['node_modules/knip/bin/knip.js', '--no-progress', '--no-config-hints'],
    { cwd: ROOT, encoding: 'utf8' }
  )
  expect(`${stdout}${stderr}`.trim(), 'what knip says').toBe('')
  expect(status).toBe(0)
}, 60_000)
