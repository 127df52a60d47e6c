// Starts a PostgreSQL server of its own (`postgres-server.ts`) for as long as a command runs, and tells the command its
// address:
//
//     node scripts/postgres.mjs [--or-without] [-- COMMAND …]
//
// The command finds its URL in SERVENT_TEST_POSTGRES, and in SERVENT_TEST_POSTGRES_RESTART what ends the server as a crash
// does and starts it again, a program and its arguments as JSON. Without a command the URL is printed and the server runs
// until it is interrupted.
//
// --or-without   where there can be no server, say why and run the command nevertheless, the reason in
//                SERVENT_TEST_POSTGRES_WHY: what needs a server is skipped then
import { spawn } from 'node:child_process'
import { parseArgs } from 'node:util'
import { startPostgres } from './postgres-server.ts'

const separator = process.argv.indexOf('--')
const own = separator < 0 ? process.argv.slice(2) : process.argv.slice(2, separator)
const command = separator < 0 ? [] : process.argv.slice(separator + 1)
const { values } = parseArgs({ args: own, options: { 'or-without': { type: 'boolean', default: false } } })

let server
let why
try {
  server = await startPostgres()
} catch (error) {
  if (error.name !== 'NoPostgresError') throw error
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
    await server.remove()
  }
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
