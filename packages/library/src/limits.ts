/** Every bound of the library, its unit, and why it is what it is. */
import { HASH_BYTES } from '@servent/overlay/machine'

/** Ids that `share` gives back; what is past it is counted as `more`. */
export const SHARE_IDS_MAX = 1000
/** Files and folders that could not be shared, as they are listed. The rest is counted. */
export const PROBLEMS_MAX = 100
/** Rows that one transaction writes: the daemon's other writers wait for it, so it stays in milliseconds. */
export const WRITE_ROWS_MAX = 250
/** Rows that one read on the main thread takes before other work gets its turn. */
export const READ_ROWS_MAX = 256
/** Entries that `list` gives at a time. */
export const LIST_ROWS_MAX = 1000
/** Changes in one call of a subscriber. */
export const CHANGES_MAX = 256
/** Folders that a watcher may report before a whole rescan is cheaper. */
export const WATCHED_FOLDERS_MAX = 10_000
/** Levels of folders below a root: a tree that is deeper was made to be. */
export const FOLDER_DEPTH_MAX = 256

/** How long the indexing thread works before it looks at its messages. */
export const SLICE_MS = 8
/** A file that waits longer than this for its turn behind others of its kind has a lane of its own below it. */
export const SMALL_FILE_BYTES_MAX = 16 * 1024 * 1024
/** Small files that are at hand at a time: one that was just written waits for `FRESH_MS` while others are hashed. */
export const SMALL_FILE_LANES = 3
/**
 * While folders are looked through, a lane of hashing lets so many slices of that pass after each file: only when all is
 * found can anybody be told how long the rest takes.
 */
export const SCAN_SLICES = 4
/**
 * A file younger than this is not hashed yet: a write in the same tick of the file system's clock would
 * leave the same time stamp. Kernels tick every 1 to 10 ms.
 */
export const FRESH_MS = 50
/** A file that changed while it was hashed is tried again after this, then after twice as long, … */
export const SETTLE_MS = 1000
/** … up to this. */
export const SETTLE_MS_MAX = 60_000
/** What a watcher says is gathered for this long: a copied folder is then scanned once. */
export const WATCH_GATHER_MS = 100
/** Without a watcher that misses nothing (network drives, full inotify tables) this is how changes are found. */
export const RESCAN_MS = 15 * 60 * 1000
/** How soon an unplugged folder is noticed, and one that is back. */
export const ROOT_CHECK_MS = 5000
/**
 * A call to the file system that takes longer than this is to a disk that does not answer. Disks that slept need 5 to
 * 10 seconds to spin up, and those are not meant.
 */
export const DISK_SILENT_MS = 15_000
/** In that time the main thread looks so often whether the call is still under way. */
export const DISK_LOOKS = 15
/** Calls to one disk that may be under way for those who are served: threads for all calls are few, by default four. */
export const DISK_CALLS_MAX = 2
/** A file that is gone is remembered for this long, so that one that comes back elsewhere is not hashed again. */
export const GONE_KEPT_MS = 60 * 60 * 1000
/** Progress is told at most this often. */
export const PROGRESS_MS = 100

/** The time that is left is computed from what was done in the last … */
export const ESTIMATE_WINDOW_MS = 20_000
/** … looked at this often, … */
export const ESTIMATE_STEP_MS = 500
/** … and not before so much of it was seen. */
export const ESTIMATE_AFTER_MS = 2000
/** What a file costs beside its bytes, in bytes that are hashed meanwhile: half a millisecond or so. */
export const FILE_COST_BYTES = 256 * 1024

/** Hashes of one stored part of a layer: 32 KiB, for 1 GiB of the file. */
export const PART_HASHES = 1024
export const PART_BYTES = PART_HASHES * HASH_BYTES
/** Small files whose hashes one transaction writes: one for each would take longer than hashing it. */
export const WRITE_HASHED_MAX = 32
/** A file that was hashed is written down, and found by others, after this at the latest. */
export const WRITE_HASHED_MS = 50
/** Parts that one transaction writes: 1 MiB. */
export const WRITE_PARTS_MAX = 32

/** The worker is started again after this, then after twice as long, … */
export const RESTART_MS = 200
/** … up to this. */
export const RESTART_MS_MAX = 30_000
/** A request that saw the worker die this often is given up: it may be what kills it. */
export const REQUEST_TRIES_MAX = 3
/** How long a stopping worker has to finish the block at hand. */
export const STOP_MS = 5000
/** Sums of the roots are told this often while they change, … */
export const ROOTS_MS = 1000
/** … and more seldom where that would take more of the time than this: each is a look at all files. */
export const ROOTS_TIME_SHARE = 0.02

/** Bytes of one media file that are read for its tags, wherever in it they lie. */
export const TAG_READ_BYTES_MAX = 8 * 1024 * 1024
/** They are read in pieces of this size; the first and the last one of a file are read before anybody asks. */
export const TAG_CHUNK_BYTES = 64 * 1024
/** No shorter file has tags: ID3v1 alone takes so many bytes. */
export const TAGGED_BYTES_MIN = 128
/** A file whose tags are not read after so long is one that holds the parser up, … */
export const TAG_PARSE_MS = 5000
/** … and in that time it is looked so often whether they are. */
export const TAG_LOOKS = 10
/** A file that ended the parser so often has no tags: it is not tried again. */
export const TAG_TRIES_MAX = 2
/** Memory of the thread that reads tags, its buffers aside: it is ended when it takes more. */
export const TAG_THREAD_MIB = 128
/** It has so long to start, … */
export const TAG_START_MS = 30_000
/** … and is ended when nobody needed it for so long. */
export const TAG_IDLE_MS = 10_000
