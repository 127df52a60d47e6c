/**
 * A folder on a disk that fails at a call, or forgets at a power cut what was not synced: nothing wrong has a final name,
 * it goes on and ends right, and no file stands twice. Every call is in `bad-disk-folder.full.test.ts`.
 */
import { describeFolderOnBadDisk } from './helpers/describe-bad-disk-folder.ts'

describeFolderOnBadDisk(4)
