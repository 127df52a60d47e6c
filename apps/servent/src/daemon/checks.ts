/** What can be checked without a running node: Node itself, folders, settings, ports. */
import { access, constants, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname } from 'node:path'
import { type Config, type DoctorCheck, endpointOf, type LoadedConfig } from '@servent/node'
import { tokenFile } from '../api/secret.ts'

const NODE_MAJOR_MIN = 24

/** @param running  whether a node runs here and is asked, too */
export async function outsideChecks(
  load: () => Promise<LoadedConfig>,
  running: boolean
): Promise<DoctorCheck[]> {
  const checks: DoctorCheck[] = [nodeCheck(process.versions.node)]
  let loaded: LoadedConfig
  try {
    loaded = await load()
  } catch (error) {
    checks.push({
      name: 'settings',
      ok: false,
      message: (error as Error).message,
      try: 'mend it there; every verb needs valid settings'
    })
    return checks
  }
  const { config, configFile, warnings } = loaded
  checks.push({ name: 'settings', ok: true, message: [`valid (${configFile})`, ...warnings].join('. ') })
  const token = await secretCheck(tokenFile(config.dataDir))
  if (token !== undefined) checks.push(token)
  if (running) return checks
  // A running node knows better about its folders, and the ports are its own.
  checks.push(await folderCheck('data folder', config.dataDir))
  checks.push(await folderCheck('downloads', config.downloadDir))
  checks.push(...(await portChecks(config)))
  return checks
}

function nodeCheck(version: string): DoctorCheck {
  const ok = Number(version.split('.')[0]) >= NODE_MAJOR_MIN
  return {
    name: 'node',
    ok,
    message: `Node ${version}${ok ? '' : ` is older than ${NODE_MAJOR_MIN}`}`,
    ...(ok ? {} : { try: 'install a newer one from https://nodejs.org' })
  }
}

/** A folder, or the nearest one above it that is there, must be the user's to write. */
async function folderCheck(name: string, path: string): Promise<DoctorCheck> {
  let place = path
  for (;;) {
    try {
      const found = await stat(place)
      if (!found.isDirectory())
        return {
          name,
          ok: false,
          message: `${place} is no folder.`,
          try: 'move it away, or choose another folder'
        }
      await access(place, constants.W_OK | constants.X_OK)
      return { name, ok: true, message: place === path ? path : `${path} (will be made)` }
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      const above = dirname(place)
      if (code === 'ENOENT' && above !== place) {
        place = above
        continue
      }
      return {
        name,
        ok: false,
        message: `${place} cannot be written: ${(error as Error).message}.`,
        try: `ls -ld ${place}`
      }
    }
  }
}

/** Nothing where there is no such file yet. */
async function secretCheck(path: string): Promise<DoctorCheck | undefined> {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined || process.platform === 'win32') return undefined
  const ok = (found.mode & 0o077) === 0
  const mode = (found.mode & 0o777).toString(8)
  return ok
    ? { name: 'token', ok, message: `${path} is readable by you alone.` }
    : {
        name: 'token',
        ok,
        message: `${path} can be read by others (mode ${mode}).`,
        try: `rm ${path}, then start the node again`
      }
}

async function portChecks(config: Config): Promise<DoctorCheck[]> {
  const { host, port } = endpointOf(config.api)
  const wanted = [{ name: 'api port', host, port, flag: '--api 127.0.0.1:0' }]
  for (const address of config.noInbound ? [] : config.listen) {
    const match = /^\/ip[46]\/([^/]+)\/tcp\/(\d+)/.exec(address)
    if (match !== null)
      wanted.push({
        name: 'listen port',
        host: match[1]!,
        port: Number(match[2]),
        flag: '--listen with another port'
      })
  }
  return Promise.all(
    wanted.map(async ({ name, host: at, port: number, flag }): Promise<DoctorCheck> => {
      const refused = await tryPort(at, number)
      const place = `${at.includes(':') ? `[${at}]` : at}:${number}`
      if (refused === undefined) return { name, ok: true, message: `${place} is free.` }
      // A machine without IPv6 still has IPv4 to listen on.
      if (refused === 'EAFNOSUPPORT' || refused === 'EADDRNOTAVAIL')
        return { name, ok: true, message: `${place} is not of this machine and is left out.` }
      return {
        name,
        ok: false,
        message: `${place} cannot be listened on (${refused}).`,
        try: `end the program that has it, or use ${flag}`
      }
    })
  )
}

/** The system's code for why not, nothing where the port is free. */
function tryPort(host: string, port: number): Promise<string | undefined> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', error => resolve((error as NodeJS.ErrnoException).code ?? error.message))
    server.listen({ host, port, ipv6Only: host.includes(':') }, () => server.close(() => resolve(undefined)))
  })
}
