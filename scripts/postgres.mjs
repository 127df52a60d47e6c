// Starts a PostgreSQL server of its own for as long as a command runs, and tells the command its address:
//
//     node scripts/postgres.mjs [--or-without] [-- COMMAND …]
//
// The server comes from Debian's package `postgresql`, which is installed where it is missing (as root, or by sudo that
// asks for no password). Its cluster lies in a temporary folder and runs as an ordinary user, reached by a Unix socket in
// that folder alone. The command finds its URL in SERVENT_TEST_POSTGRES, and in SERVENT_TEST_POSTGRES_RESTART what ends the
// server as a crash does and starts it again, a program and its arguments as JSON. Without a command the URL is printed and
// the server runs until it is interrupted.
//
// --or-without   where there can be no server, say why and run the command nevertheless, the reason in
//                SERVENT_TEST_POSTGRES_WHY: what needs a server is skipped then
import { spawn, spawnSync } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const VERSIONS = '/usr/lib/postgresql'
const USER = 'servent'
/** Users as which a server runs where root starts it: PostgreSQL refuses to run as root. */
const ORDINARY_USERS = ['postgres', 'nobody']
const START_SECONDS = 60

const separator = process.argv.indexOf('--')
const own = separator < 0 ? process.argv.slice(2) : process.argv.slice(2, separator)
const command = separator < 0 ? [] : process.argv.slice(separator + 1)
const { values } = parseArgs({ args: own, options: { 'or-without': { type: 'boolean', default: false } } })
const isRoot = process.getuid?.() === 0

class CannotError extends Error {}

let server
let why
try {
  server = start(binaries() ?? installed())
} catch (error) {
  if (!(error instanceof CannotError)) throw error
  why = error.message
}

if (server === undefined) {
  console.error(`No PostgreSQL server: ${why}`)
  if (!values['or-without'] || command.length === 0) process.exit(1)
  console.error('What needs one is skipped.')
  process.exitCode = await run({ SERVENT_TEST_POSTGRES: '', SERVENT_TEST_POSTGRES_WHY: why })
} else {
  try {
    if (command.length > 0) {
      process.exitCode = await run({
        SERVENT_TEST_POSTGRES: server.url,
        SERVENT_TEST_POSTGRES_RESTART: JSON.stringify(server.restart)
      })
    } else {
      console.log(server.url)
      const timer = setInterval(() => {}, 60_000)
      await new Promise(resolve => {
        for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, resolve)
      })
      clearInterval(timer)
    }
  } finally {
    server.stop()
  }
}

/** The newest folder with a server's programs; nothing where there is none. */
function binaries() {
  const found = existsSync(VERSIONS) ? readdirSync(VERSIONS).map(name => join(VERSIONS, name, 'bin')) : []
  // Elsewhere than on Debian they are where `pg_config` says.
  const { stdout, status } = spawnSync('pg_config', ['--bindir'], { encoding: 'utf8' })
  if (status === 0) found.unshift(stdout.trim())
  return found
    .filter(folder => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')))
    .at(-1)
}

function installed() {
  if (spawnSync('apt-get', ['--version']).status !== 0)
    throw new CannotError(
      'it is not installed, and there is no apt-get. Install PostgreSQL 15 or newer, with initdb.'
    )
  const sudo = isRoot ? [] : ['sudo', '-n']
  if (!isRoot && spawnSync('sudo', ['-n', 'true']).status !== 0)
    throw new CannotError('it is not installed. Run as root: apt-get install postgresql')
  for (const words of [['update'], ['install', '-y', '--no-install-recommends', 'postgresql']]) {
    const [program, ...rest] = [...sudo, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', ...words]
    console.error(`$ ${[program, ...rest].join(' ')}`)
    // What apt says goes where it does not stand between the lines of the command.
    const { status } = spawnSync(program, rest, { stdio: ['ignore', 2, 2] })
    if (status !== 0)
      throw new CannotError(
        `"apt-get ${words.join(' ')}" failed: Debian's mirror may not answer. Try again later.`
      )
  }
  const folder = binaries()
  if (folder === undefined) throw new CannotError('it was installed, and initdb is not where Debian puts it.')
  return folder
}

function start(folder) {
  const user = isRoot ? ordinaryUser() : undefined
  const home = mkdtempSync(join(tmpdir(), 'servent-postgres-'))
  const remove = () => rmSync(home, { recursive: true, force: true })
  if (user !== undefined) chownSync(home, user.uid, user.gid)
  const data = join(home, 'data')
  const commandOf = (name, args) => [
    ...(user === undefined ? [] : ['runuser', '-u', user.name, '--']),
    join(folder, name),
    ...args
  ]
  const program = (name, args) => {
    const [first, ...rest] = commandOf(name, args)
    const { status, stdout, stderr, error } = spawnSync(first, rest, {
      encoding: 'utf8',
      cwd: home,
      // pg_ctl's child would hold a pipe open for as long as it runs.
      stdio: name === 'pg_ctl' ? 'ignore' : 'pipe'
    })
    if (status === 0) return
    const log = join(home, 'log')
    const said = error?.message ?? (existsSync(log) ? readFileSync(log, 'utf8') : `${stdout}${stderr}`)
    remove()
    throw new CannotError(`${name} failed: ${said.trim().split('\n').at(-1)}`)
  }
  program('initdb', ['-D', data, '-U', USER, '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'])
  const settings = `-c listen_addresses= -c unix_socket_directories='${home}' -c max_connections=60`
  const control = ['-D', data, '-w', '-t', `${START_SECONDS}`]
  const starting = [...control, '-l', join(home, 'log'), '-o', settings]
  program('pg_ctl', [...starting, 'start'])
  return {
    url: `postgres://${USER}@localhost/postgres?host=${encodeURIComponent(home)}`,
    restart: commandOf('pg_ctl', [...starting, '-m', 'immediate', 'restart']),
    stop() {
      program('pg_ctl', [...control, '-m', 'immediate', 'stop'])
      remove()
    }
  }
}

function ordinaryUser() {
  for (const name of ORDINARY_USERS) {
    const [uid, gid] = ['-u', '-g'].map(flag => spawnSync('id', [flag, name], { encoding: 'utf8' }))
    if (uid.status === 0) return { name, uid: Number(uid.stdout), gid: Number(gid.stdout) }
  }
  throw new CannotError(`there is no ordinary user to run it as (${ORDINARY_USERS.join(', ')}).`)
}

/** Ends with the command's status, also where somebody interrupts both. */
function run(environment) {
  return new Promise(resolve => {
    const [program, ...rest] = command
    const child = spawn(program, rest, { stdio: 'inherit', env: { ...process.env, ...environment } })
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
    child.on('error', error => {
      console.error(`${program} cannot be run: ${error.message}`)
      resolve(1)
    })
    child.on('exit', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 1)))
  })
}
