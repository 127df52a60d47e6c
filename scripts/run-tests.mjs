// Runs the tests on the sources and closes with one line that a machine can read: "N passed, N failed".
// `fast` is what every change must pass; `full` holds what takes minutes: fuzzing, large sizes, soak. `load` is the one of
// these that wants the machine's processors for itself, and a PostgreSQL server.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const [set, ...rest] = process.argv.slice(2)
const isLoad = set === 'load'
if (isLoad) rest.push('packages/napster/test/load.full.test.ts')
const folder = mkdtempSync(join(tmpdir(), 'servent-tests-'))
const report = join(folder, 'report.json')
const secondTries = join(folder, 'second-tries')
const { status } = spawnSync(
  process.execPath,
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=default',
    '--reporter=json',
    '--reporter=./scripts/second-tries.mjs',
    // A machine that others use too may be too slow once. What passes only then is named below.
    // What the load test loses once is lost.
    `--retry=${isLoad ? 0 : 1}`,
    `--outputFile.json=${report}`,
    ...rest
  ],
  {
    stdio: 'inherit',
    env: {
      ...process.env,
      SERVENT_TEST_FULL: set === 'fast' ? '0' : '1',
      ...(isLoad && { SERVENT_TEST_LOAD: process.env.SERVENT_TEST_LOAD || '1' }),
      SERVENT_SECOND_TRIES: secondTries
    }
  }
)

let passed = 0
let failed = 0
let skipped = 0
let again = []
try {
  const results = JSON.parse(readFileSync(report, 'utf8'))
  passed = results.numPassedTests
  skipped = results.numPendingTests + results.numTodoTests
  // A file that cannot be loaded runs no test, and must not pass for that.
  failed =
    results.numFailedTests +
    results.testResults.filter(file => file.status === 'failed' && file.assertionResults.length === 0).length
  if (existsSync(secondTries)) again = readFileSync(secondTries, 'utf8').trim().split('\n')
} catch {
  failed = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
if (status !== 0 && failed === 0) failed = 1
// Where there can be no PostgreSQL server there is no such load.
if (passed === 0 && failed === 0 && !(isLoad && skipped > 0)) failed = 1
for (const test of again) console.log(`passed only at the second try: ${test}`)
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exit(failed === 0 ? 0 : 1)
