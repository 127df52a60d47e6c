/**
 * Disks that fail (reliability, promises P1 and P2): whatever happens, nothing wrong has the final name, the download goes
 * on and ends right, no block that was synced is fetched again, and the user reads what to do. Every call of a download
 * fails once in `bad-disk.full.test.ts`.
 */
import { describeBadDisk } from './helpers/describe-bad-disk.ts'

describeBadDisk(3)
