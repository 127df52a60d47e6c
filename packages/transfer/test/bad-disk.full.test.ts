/** As `bad-disk.test.ts`, at every call. */
import { describeBadDisk } from './helpers/describe-bad-disk.ts'

describeBadDisk(1)
