/** The program: reads its command line, runs it, and ends with its exit code. */
import { run } from './cli/run.ts'

/** Conventional code of a process that SIGINT ended. */
const INTERRUPTED = 130

/** Threads for calls of the file system: a disk that does not answer holds two for good, and Node has four by itself. */
const FILE_THREADS = 16

/** @param argv  without the program's own name */
export async function main(argv: readonly string[] = process.argv.slice(2)): Promise<void> {
  // Read when the first of them is needed, which is later.
  process.env.UV_THREADPOOL_SIZE ??= String(FILE_THREADS)
  // `servent library | head` closes our output early: that is no failure.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', error => {
      if ((error as NodeJS.ErrnoException).code === 'EPIPE') process.exit(process.exitCode ?? 0)
      throw error
    })
  }
  const interrupted = new AbortController()
  const onSignal = () => {
    // Who asks twice does not want to wait.
    if (interrupted.signal.aborted) process.exit(INTERRUPTED)
    interrupted.abort()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  // A terminal that is closed: a node in the foreground ends as orderly as at Ctrl-C.
  process.on('SIGHUP', onSignal)
  const code = await run(argv, {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    signal: interrupted.signal
  })
  process.exitCode = code
  // A pipe takes its time; the code must not overtake the words.
  await Promise.all(
    [process.stdout, process.stderr].map(
      stream => new Promise<void>(resolve => stream.write('', () => resolve()))
    )
  )
  process.exit(code)
}
