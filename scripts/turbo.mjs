// Runs turbo with its telemetry switched off, which no field of turbo.json can do.
import { spawnSync } from 'node:child_process'

const { status } = spawnSync(
  'turbo',
  ['run', ...process.argv.slice(2), '--output-logs=errors-only', '--log-prefix=none'],
  {
    stdio: ['inherit', process.stderr, process.stderr],
    shell: process.platform === 'win32',
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1', TURBO_NO_UPDATE_NOTIFIER: '1' }
  }
)
process.exit(status ?? 1)
