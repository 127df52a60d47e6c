/**
 * A PostgreSQL server of one's own, for as long as somebody needs it: `scripts/postgres.mjs` hands one to a command,
 * and tests that stop and start it again hold one themselves.
 *
 * It comes from Debian's package `postgresql`, which is installed where it is missing (as root, or by sudo that asks
 * for no password). Its cluster lies in a temporary folder and runs as an ordinary user, reached by a Unix socket in
 * that folder alone.
 */
import { spawn, spawnSync } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const VERSIONS = '/usr/lib/postgresql'
const USER = 'servent'
/** Users as which a server runs where root starts it: PostgreSQL refuses to run as root. */
const ORDINARY_USERS = ['postgres', 'nobody']
const START_SECONDS = 60

/** There can be no server here; the message says why. */
export class NoPostgresError extends Error {
  static override readonly name = 'NoPostgresError'
  override readonly name = 'NoPostgresError'
}

export interface PostgresServer {
  readonly url: string
  /** Ends it as a crash does and starts it again: a program and its arguments, for a test in another process. */
  readonly restart: readonly string[]
  /** As an operator stops it: sessions are ended, transactions under way rolled back, and all is written. */
  halt(): Promise<void>
  /** Starts it again on what it had. */
  resume(): Promise<void>
  /** Ends it, and removes its folder. */
  remove(): Promise<void>
}

/** @throws NoPostgresError  it is not installed and cannot be, or does not start */
export async function startPostgres(): Promise<PostgresServer> {
  const folder = binaries() ?? installed()
  const user = isRoot() ? ordinaryUser() : undefined
  const home = mkdtempSync(join(tmpdir(), 'servent-postgres-'))
  if (user !== undefined) chownSync(home, user.uid, user.gid)
  const data = join(home, 'data')
  const log = join(home, 'log')
  const asUser = user === undefined ? [] : ['runuser', '-u', user.name, '--']
  const program = async (name: string, args: readonly string[]): Promise<void> => {
    const [first, ...rest] = [...asUser, join(folder, name), ...args]
    const { status, said } = await run(first!, rest, home, name === 'pg_ctl')
    if (status === 0) return
    const why = existsSync(log) ? readFileSync(log, 'utf8') : said
    throw new NoPostgresError(`${name} failed: ${why.trim().split('\n').at(-1)}`)
  }
  const control = (...args: readonly string[]) => program('pg_ctl', ['-D', data, '-w', ...args])
  const settings = `-c listen_addresses= -c unix_socket_directories='${home}' -c max_connections=60`
  const starting = ['-l', log, '-t', `${START_SECONDS}`, '-o', settings]
  const start = () => control(...starting, 'start')
  const removeFolder = () => rmSync(home, { recursive: true, force: true })
  try {
    await program('initdb', ['-D', data, '-U', USER, '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'])
    await start()
  } catch (error) {
    removeFolder()
    throw error
  }
  let isUp = true
  return {
    url: `postgres://${USER}@localhost/postgres?host=${encodeURIComponent(home)}`,
    restart: [
      ...asUser,
      join(folder, 'pg_ctl'),
      ...['-D', data, '-w', ...starting, '-m', 'immediate', 'restart']
    ],
    async halt() {
      await control('-m', 'fast', 'stop')
      isUp = false
    },
    async resume() {
      await start()
      isUp = true
    },
    async remove() {
      if (isUp) await control('-m', 'immediate', 'stop')
      removeFolder()
    }
  }
}

const isRoot = (): boolean => process.getuid?.() === 0

/** The newest folder with a server's programs; nothing where there is none. */
function binaries(): string | undefined {
  const found = existsSync(VERSIONS) ? readdirSync(VERSIONS).map(name => join(VERSIONS, name, 'bin')) : []
  // Elsewhere than on Debian they are where `pg_config` says.
  const { stdout, status } = spawnSync('pg_config', ['--bindir'], { encoding: 'utf8' })
  if (status === 0) found.unshift(stdout.trim())
  return found
    .filter(folder => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')))
    .at(-1)
}

function installed(): string {
  if (spawnSync('apt-get', ['--version']).status !== 0)
    throw new NoPostgresError(
      'it is not installed, and there is no apt-get. Install PostgreSQL 15 or newer, with initdb.'
    )
  const sudo = isRoot() ? [] : ['sudo', '-n']
  if (!isRoot() && spawnSync('sudo', ['-n', 'true']).status !== 0)
    throw new NoPostgresError('it is not installed. Run as root: apt-get install postgresql')
  for (const words of [['update'], ['install', '-y', '--no-install-recommends', 'postgresql']]) {
    const [program, ...rest] = [...sudo, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', ...words]
    console.error(`$ ${[program, ...rest].join(' ')}`)
    // What apt says goes where it does not stand between the lines of a command.
    const { status } = spawnSync(program!, rest, { stdio: ['ignore', 2, 2] })
    if (status !== 0)
      throw new NoPostgresError(
        `"apt-get ${words.join(' ')}" failed: Debian's mirror may not answer. Try again later.`
      )
  }
  const folder = binaries()
  if (folder === undefined)
    throw new NoPostgresError('it was installed, and initdb is not where Debian puts it.')
  return folder
}

function ordinaryUser(): { readonly name: string; readonly uid: number; readonly gid: number } {
  for (const name of ORDINARY_USERS) {
    const [uid, gid] = ['-u', '-g'].map(flag => spawnSync('id', [flag, name], { encoding: 'utf8' }))
    if (uid!.status === 0) return { name, uid: Number(uid!.stdout), gid: Number(gid!.stdout) }
  }
  throw new NoPostgresError(`there is no ordinary user to run it as (${ORDINARY_USERS.join(', ')}).`)
}

/** Without blocking: whoever tests what happens meanwhile goes on. */
function run(program: string, args: readonly string[], cwd: string, isSilent: boolean) {
  return new Promise<{ readonly status: number | null; readonly said: string }>(resolve => {
    // What `pg_ctl` starts would hold a pipe open for as long as it runs.
    const child = spawn(program, args, { cwd, stdio: ['ignore', ...(isSilent ? IGNORED : PIPED)] })
    let said = ''
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', text => {
        said += text
      })
    child.on('error', ({ message }) => resolve({ status: null, said: message }))
    child.on('close', status => resolve({ status, said }))
  })
}

const IGNORED = ['ignore', 'ignore'] as const
const PIPED = ['pipe', 'pipe'] as const
