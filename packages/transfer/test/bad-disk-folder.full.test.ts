/** As `bad-disk-folder.test.ts`, at every call. */
import { describeFolderOnBadDisk } from './helpers/describe-bad-disk-folder.ts'

describeFolderOnBadDisk(1)
