/** Every bound on what a remote peer can make this package hold, wait for or do, with its unit and its reason. */

const KiB = 1024
const MiB = 1024 * KiB
/** 1 MiB takes 34 minutes, and still comes. One for both ends, so that neither cuts what the other bears. */
const RATE_BYTES_PER_SECOND_MIN = 512

/** Bounds of the file server. Each can be set; `SERVER_LIMITS` holds the defaults. */
export interface ServerLimits {
  /** Streams that peers hold open for HTTP, in all and of one peer. */
  readonly connectionsMax: number
  readonly connectionsPerPeerMax: number
  /** Requests of one connection that wait for their answer, the one being answered among them. */
  readonly requestsOutstandingMax: number
  /** Requests of one peer: as many at once, then so many a second. Further ones wait. */
  readonly requestsBurst: number
  readonly requestsPerSecond: number
  /** Peers whose requests are counted, the latest. */
  readonly requestPeersMax: number
  /** Request line and headers together. */
  readonly headerBytesMax: number
  /** From a request's first byte to the end of its headers. */
  readonly headerDeadlineMs: number
  /** Without a byte between two requests, or before the first. */
  readonly idleMs: number
  /**
   * A write of 64 KiB must go out within this time and the time that it takes at the lowest rate: by default
   * 158 seconds, so that a client that reads nothing holds its slot no longer.
   */
  readonly stallMs: number
  /** As low as a downloader here bears of a source: no slower client finishes anyway. */
  readonly rateBytesPerSecondMin: number
  /** Uploads that run at once, in all and to one peer. */
  readonly slotsMax: number
  readonly slotsPerPeerMax: number
  /** A slot waits this long for its peer's next request before it goes to the queue. */
  readonly slotLingerMs: number
  /** So long a peer goes on from file to file in one slot while others wait. */
  readonly slotTurnMs: number
  /** Places in the queue for slots, in all and of one peer. */
  readonly queuePlacesMax: number
  readonly queuePlacesPerPeerMax: number
  /** Who asks again sooner loses the place. */
  readonly queuePollMinMs: number
  /** Who has not asked again by then loses the place. */
  readonly queuePollMaxMs: number
  /** Who waited for so long moves up a level: a freeloader among newcomers, and a newcomer among givers. */
  readonly queuePromoteMs: number
  /** Hashes in one answer: 8192 of the 1 MiB layer speak for 8 GiB. */
  readonly hashesMax: number
  /** Content that is read for one answer of hashes below the 1 MiB layer. */
  readonly hashedBytesMax: number
  /** Answers of hashes that are made at once, in all and for one peer. */
  readonly hashRequestsMax: number
  readonly hashRequestsPerPeerMax: number
}

export const SERVER_LIMITS: ServerLimits = {
  connectionsMax: 256,
  connectionsPerPeerMax: 8,
  requestsOutstandingMax: 8,
  requestsBurst: 500,
  requestsPerSecond: 50,
  requestPeersMax: 1024,
  headerBytesMax: 8 * KiB,
  headerDeadlineMs: 10_000,
  idleMs: 60_000,
  stallMs: 30_000,
  rateBytesPerSecondMin: RATE_BYTES_PER_SECOND_MIN,
  slotsMax: 8,
  slotsPerPeerMax: 4,
  slotLingerMs: 2_000,
  slotTurnMs: 60_000,
  queuePlacesMax: 128,
  queuePlacesPerPeerMax: 4,
  queuePollMinMs: 5_000,
  queuePollMaxMs: 60_000,
  queuePromoteMs: 600_000,
  hashesMax: 8192,
  hashedBytesMax: 1 * MiB,
  hashRequestsMax: 16,
  hashRequestsPerPeerMax: 2
}

/** Gnutella's `X-Available-Ranges`, when it is written and when it is read: its ranges, and the text itself. */
export const AVAILABLE_RANGES_MAX = 128
export const AVAILABLE_RANGES_BYTES_MAX = 4 * KiB

/** Bounds of what is given of files that are being fetched. Each can be set; `PARTIAL_LIMITS` holds the defaults. */
export interface PartialLimits {
  /** What is fetched for so long is announced: who has it sooner is not worth the messages. */
  readonly announceAfterMs: number
  /** A finished file is given to those who ask for it until nobody has for so long. */
  readonly lingerMs: number
  /** Finished files that are given so: one past it, and the one that finished first ends. */
  readonly lingeringMax: number
}

export const PARTIAL_LIMITS: PartialLimits = {
  announceAfterMs: 10_000,
  lingerMs: 600_000,
  lingeringMax: 16
}

/** Bounds of downloads. Each can be set; `DOWNLOAD_LIMITS` holds the defaults. */
export interface DownloadLimits {
  /** Downloads that run at once; others wait for their turn. */
  readonly activeMax: number
  /** Downloads that are kept in the list, the finished ones among them. */
  readonly keptMax: number
  /** Sources of one file that are asked at once. */
  readonly sourcesMax: number
  /** A source is asked for as much as it brings in this time, and at first for so many bytes. */
  readonly runSeconds: number
  readonly firstRunBytes: number
  /** Where the first source has not proven the size by then, another one is asked for it too, and so on. */
  readonly proofPatienceMs: number
  /** How often sources are compared. Where others wait, one that is so many times slower than the mean gives way. */
  readonly reviewMs: number
  readonly slowerThanMean: number
  /** Who gave way waits for so long. */
  readonly slowWaitMs: number
  /** While sources are at work, others are looked for: first after this time, so that none is asked for a small file, */
  readonly lookFirstMs: number
  /** then after this one, and where none was new after twice it, and so on. */
  readonly lookMs: number
  readonly lookMsMax: number
  /** Providers that are remembered for one file. */
  readonly providersMax: number
  /** A source that is fetching the file itself, and has nothing that is missing here, is asked again after so long, */
  readonly partialAgainMs: number
  /** and while it has got no more itself, after twice that each time, up to this. */
  readonly partialAgainMsMax: number
  /** Where only such sources are left, and none gave anything for so long, it is as if nobody were there. */
  readonly partialPatienceMs: number
  /** Bytes asked for in one request. */
  readonly rangeBytesMax: number
  /** Blocks of 1 MiB that one download holds in memory. */
  readonly blocksInMemoryMax: number
  /** Written bytes, and time, after which what was written is made durable and marked. */
  readonly checkpointBytes: number
  readonly checkpointMs: number
  /** For a stream to a provider, then for the head of an answer. */
  readonly connectMs: number
  readonly answerMs: number
  /** Status line and headers of an answer. */
  readonly headerBytesMax: number
  /** A source that gives nothing for this long is left. */
  readonly stallMs: number
  /** A source that gives less over `rateWindowMs` of waiting for it is left. */
  readonly rateBytesPerSecondMin: number
  readonly rateWindowMs: number
  /** Wait before a lost source is tried again: doubled each time, up to the longest. */
  readonly retryMs: number
  readonly retryMsMax: number
  /** Times in a row that all known sources fail before the download gives up. */
  readonly roundsMax: number
  /** Who gave verified bytes and was lost is tried for so long at least. */
  readonly giverPatienceMs: number
  /** Times in a row that nobody is found before the download gives up. */
  readonly emptyRoundsMax: number
  /** Of a search for providers. */
  readonly locateMs: number
  /** A source's wish to be asked again later is kept within these. */
  readonly queueWaitMsMin: number
  readonly queueWaitMsMax: number
  /** Between two events of progress. */
  readonly progressMs: number
}

export const DOWNLOAD_LIMITS: DownloadLimits = {
  activeMax: 4,
  keptMax: 1000,
  sourcesMax: 6,
  runSeconds: 8,
  firstRunBytes: 4 * MiB,
  proofPatienceMs: 2_000,
  reviewMs: 5_000,
  slowerThanMean: 8,
  slowWaitMs: 60_000,
  lookFirstMs: 3_000,
  lookMs: 60_000,
  lookMsMax: 600_000,
  providersMax: 64,
  partialAgainMs: 3_000,
  partialAgainMsMax: 60_000,
  partialPatienceMs: 900_000,
  rangeBytesMax: 256 * MiB,
  blocksInMemoryMax: 12,
  checkpointBytes: 64 * MiB,
  checkpointMs: 1_000,
  connectMs: 30_000,
  answerMs: 30_000,
  headerBytesMax: 8 * KiB,
  stallMs: 30_000,
  rateBytesPerSecondMin: RATE_BYTES_PER_SECOND_MIN,
  rateWindowMs: 60_000,
  retryMs: 1_000,
  retryMsMax: 30_000,
  roundsMax: 8,
  giverPatienceMs: 900_000,
  emptyRoundsMax: 3,
  locateMs: 30_000,
  queueWaitMsMin: 1_000,
  queueWaitMsMax: 300_000,
  progressMs: 200
}

/** Files of one folder that are fetched at once: as many as one peer serves at once. */
export const FOLDER_FILES_AT_ONCE_MAX = 4
/** Bytes of those together: a larger file comes alone, from several sources. */
export const FOLDER_BYTES_AT_ONCE_MAX = 8 * MiB
/** Missing files of a folder that are named; others are counted. */
export const FOLDER_MISSING_NAMED_MAX = 20
/** Files in a row for which nobody could be reached at all, after which a folder waits for the user. */
export const FOLDER_UNREACHED_MAX = 4
/** Files of a folder's download that are told at a time. */
export const FOLDER_PAGE_FILES_MAX = 1000
