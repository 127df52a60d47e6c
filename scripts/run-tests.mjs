// Runs the tests on the sources and closes with one line that a machine can read: "N passed, N failed".
// `fast` is what every change must pass; `full` holds what takes minutes: fuzzing, large sizes, soak.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const [set, ...rest] = process.argv.slice(2)
const folder = mkdtempSync(join(tmpdir(), 'servent-tests-'))
const report = join(folder, 'report.json')
const { status } = spawnSync(
  process.execPath,
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...rest
  ],
  { stdio: 'inherit', env: { ...process.env, SERVENT_TEST_FULL: set === 'full' ? '1' : '0' } }
)

let passed = 0
let failed = 0
let skipped = 0
try {
  const results = JSON.parse(readFileSync(report, 'utf8'))
  passed = results.numPassedTests
  skipped = results.numPendingTests + results.numTodoTests
  // A file that cannot be loaded runs no test, and must not pass for that.
  failed =
    results.numFailedTests +
    results.testResults.filter(file => file.status === 'failed' && file.assertionResults.length === 0).length
} catch {
  failed = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
if (status !== 0 && failed === 0) failed = 1
if (passed === 0 && failed === 0) failed = 1
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exit(failed === 0 ? 0 : 1)
