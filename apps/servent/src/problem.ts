/**
 * What went wrong, in the shape that API and command line share: what, why, and what to try. Errors of other
 * rooms are told apart by their name.
 */

/** Each has one exit code of the command line and one HTTP status. */
export type ProblemCode =
  | 'failed'
  | 'usage'
  | 'not-found'
  | 'timed-out'
  | 'partial'
  | 'no-daemon'
  | 'not-allowed'
  | 'no-token'
  | 'verification-failed'
  | 'too-large'
  | 'gate-failed'
  | 'drift'
  | 'interrupted'

export interface Problem {
  readonly code: ProblemCode
  readonly message: string
  readonly why?: string
  readonly try?: string
}

interface Meaning {
  readonly exit: number
  readonly status: number
}

/** Exit codes are those that the README lists: users' scripts rely on them. */
export const MEANINGS: Readonly<Record<ProblemCode, Meaning>> = {
  failed: { exit: 1, status: 500 },
  usage: { exit: 2, status: 400 },
  'not-found': { exit: 3, status: 404 },
  'timed-out': { exit: 4, status: 504 },
  partial: { exit: 4, status: 503 },
  'no-daemon': { exit: 5, status: 503 },
  'not-allowed': { exit: 6, status: 403 },
  'no-token': { exit: 6, status: 401 },
  'verification-failed': { exit: 7, status: 502 },
  'too-large': { exit: 2, status: 413 },
  'gate-failed': { exit: 8, status: 500 },
  drift: { exit: 9, status: 500 },
  interrupted: { exit: 130, status: 499 }
}

/** An error that knows its problem. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError'
  readonly problem: Problem
  constructor(problem: Problem) {
    super(problem.message)
    this.problem = problem
  }
}

const CODES_BY_NAME: Readonly<Record<string, ProblemCode>> = {
  ConfigError: 'usage',
  PlanError: 'usage',
  QueryError: 'usage',
  ContentIdError: 'usage',
  TicketError: 'usage',
  FolderListingError: 'usage',
  WishError: 'usage',
  NickError: 'usage',
  AmbiguousError: 'usage',
  NotShareableError: 'usage',
  OutputError: 'usage',
  DownloadExistsError: 'usage',
  NotFoundError: 'not-found',
  NoValueError: 'not-found',
  NobodyError: 'not-found',
  NotSharedError: 'not-found',
  PathNotFoundError: 'not-found',
  NoSourceError: 'not-found',
  NoDownloadError: 'not-found',
  TimeoutError: 'timed-out',
  NotReadyError: 'timed-out',
  LookupError: 'partial',
  ServerError: 'partial',
  PartialFolderError: 'partial',
  QuorumError: 'partial',
  LimitError: 'too-large',
  ListenError: 'failed',
  PushError: 'failed',
  RunError: 'failed',
  NotRunningError: 'no-daemon',
  IdentityError: 'not-allowed',
  VerificationError: 'verification-failed',
  AbortError: 'interrupted'
}

/** Of the operating system's refusals, those that mean something to a user. */
const CODES_BY_SYSTEM: Readonly<Record<string, { code: ProblemCode; try: string }>> = {
  ENOENT: { code: 'not-found', try: 'check the spelling of the path' },
  EACCES: { code: 'not-allowed', try: 'check who may read it: ls -l' },
  EPERM: { code: 'not-allowed', try: 'check who owns it: ls -l' },
  ENOSPC: { code: 'failed', try: 'make room on the disk, then run the same command again' },
  EROFS: { code: 'failed', try: 'choose a folder that can be written' }
}

const TRY_BY_NAME: Readonly<Record<string, string>> = {
  FolderLockedError: 'servent status shows the node that runs there; another one needs another --data-dir',
  NotSharedError: 'servent library lists what is shared',
  AmbiguousError: 'write more of the id',
  NewerDatabaseError: 'run the version that wrote it, or choose another --data-dir',
  DownloadExistsError: 'servent downloads --cancel ID',
  ListenError: 'servent start --listen /ip4/0.0.0.0/tcp/0 takes any free port',
  NoValueError: 'check the spelling of the key, or put one: servent put KEY VALUE',
  NobodyError: 'check the spelling; servent overlay napster shows the server that was asked',
  NickError: 'servent hotlist shows who is on it',
  ServerError:
    'servent overlay napster shows the server; name one by --set napster.servers=MULTIADDR, or run one: servent start --overlays napster,napster-server',
  LookupError: 'the same command again; servent peers shows who is connected',
  QuorumError: 'the same command again; servent peers shows who is connected',
  NotReadyError: 'servent peers shows who is connected, servent doctor what keeps others away',
  ValueError: 'servent overlay shows who is there; a key without / at its beginning needs no validator',
  LimitError: 'servent --help',
  PushError: 'the same command again later, or another source of the file',
  NoSourceError: 'the same command again later; nothing that was fetched is lost',
  PartialFolderError: 'the same command again later: what is there is not fetched again',
  FolderListingError: 'the ticket of a folder inside it, or of another folder',
  WishError: 'servent wishes, servent unwish N',
  TicketError: 'copy the whole ticket, without spaces',
  ConfigError: 'correct it there; servent start --help lists what there is to set',
  QueryError: 'servent search --help',
  PlanError: 'servent lab compare --help',
  RunError:
    'the same plan with fewer --nodes or --workers; if it fails with one seed alone, report it with that seed'
}

/** Where an error brings no advice of its own. */
const TRY_BY_CODE: Readonly<Partial<Record<ProblemCode, string>>> = {
  failed: 'servent doctor, and the last lines of the log',
  usage: 'servent --help',
  'not-found': 'servent search asks the network, servent library lists what is shared here',
  'timed-out': 'the same command again, with more time',
  'no-daemon': 'servent start',
  'not-allowed': 'servent doctor',
  'verification-failed': 'servent search again: another peer may have the right bytes'
}

/** What an error means to a user. Errors of a name that is not known are failures. */
export function problemOf(error: unknown): Problem {
  if (!(error instanceof Error) && typeof (error as { message?: unknown })?.message !== 'string') {
    return { code: 'failed', message: String(error) }
  }
  const { name, message } = error as Error
  if (name === 'ProblemError') return (error as ProblemError).problem
  const byName = CODES_BY_NAME[name]
  const advice = TRY_BY_NAME[name]
  const system = CODES_BY_SYSTEM[(error as NodeJS.ErrnoException).code ?? '']
  const code = byName ?? system?.code ?? 'failed'
  const best = advice ?? (byName === undefined ? system?.try : undefined) ?? TRY_BY_CODE[code]
  return { code, message, ...(best === undefined ? {} : { try: best }) }
}
