/**
 * Rules for settings that a schema cannot say: addresses, names of overlays, what this build cannot do yet.
 * A setting that would do nothing is refused rather than taken in silence.
 */
import { isIP } from 'node:net'
import { join } from 'node:path'
import { nearest } from './config-names.ts'
import type { Given } from './config-values.ts'
import { show } from './config-values.ts'
import { ConfigError } from './errors.ts'
import { type Folders, holds } from './folders.ts'
import { OVERLAYS_HERE, OVERLAYS_PLANNED } from './overlay-names.ts'

type Check = (value: never, given: Given) => void | Promise<void>

/** By key. A check is only run on what somebody set: defaults are right by a test. */
export const CHECKS: Readonly<Record<string, Check>> = {
  listen: (value: string[], given) => checkAddresses('listen', value, given, false),
  announce: (value: string[], given) => checkAddresses('announce', value, given, false),
  bootstrap: (value: string[], given) => checkAddresses('bootstrap', value, given, true),
  'napster.servers': (value: string[], given) => checkAddresses('napster.servers', value, given, true),
  overlays: checkOverlays,
  introducer: checkIntroducers,
  'port-mapping'(value: string, given) {
    if (value === 'auto' || value === 'off' || /^http:\/\/[^/]+\//.test(value)) return
    throw new ConfigError(
      `port-mapping takes auto, off, or the address of a router's description, as http://192.168.1.1:5000/rootDesc.xml; ${given.where} says ${show(value)}.`,
      given.where,
      'port-mapping'
    )
  },
  api: (value: string, given) => void endpointOf(value, given.where)
}

function checkOverlays(value: string[], given: Given): void {
  const here = `Overlays of this version: ${OVERLAYS_HERE.join(', ')}.`
  if (value.length === 0) {
    throw new ConfigError(
      `overlays is empty in ${given.where}; a node takes part in one at least. ${here}`,
      given.where,
      'overlays'
    )
  }
  for (const name of value) {
    if (OVERLAYS_HERE.some(known => known === name)) continue
    if (OVERLAYS_PLANNED.includes(name)) {
      throw new ConfigError(
        `${given.where} asks for overlay ${name}, which comes in a later version. ${here}`,
        given.where,
        'overlays'
      )
    }
    const near = nearest(name, OVERLAYS_HERE)
    const hint = near === undefined ? '' : ` Did you mean ${near}?`
    throw new ConfigError(
      `${given.where} asks for overlay ${show(name)}, and there is none.${hint} ${here}`,
      given.where,
      'overlays'
    )
  }
  if (new Set(value).size !== value.length) {
    throw new ConfigError(`${given.where} names an overlay twice. Name each once.`, given.where, 'overlays')
  }
}

async function checkIntroducers(value: string[], given: Given): Promise<void> {
  const { parseIntroducerUrl } = await import('@servent/introducer/url')
  for (const text of value) {
    try {
      parseIntroducerUrl(text)
    } catch (error) {
      throw new ConfigError(
        `introducer is set by ${given.where}: ${(error as Error).message}`,
        given.where,
        'introducer'
      )
    }
  }
}

async function checkAddresses(key: string, value: string[], given: Given, withPeer: boolean): Promise<void> {
  if (value.length === 0) return
  const { multiaddr } = await import('@multiformats/multiaddr')
  for (const text of value) {
    const example = withPeer ? '/ip4/192.0.2.7/tcp/6346/p2p/12D3Koo…' : '/ip4/0.0.0.0/tcp/6346'
    const refuse = (why: string) =>
      new ConfigError(
        `${key} takes multiaddrs, as ${example}; ${given.where} says ${show(text)}, ${why}.`,
        given.where,
        key
      )
    let names: string[]
    try {
      names = multiaddr(text)
        .getComponents()
        .map(component => component.name)
    } catch (error) {
      throw refuse(`which is none (${(error as Error).message})`)
    }
    if (!names.includes('tcp')) throw refuse('which has no /tcp: this version speaks TCP alone')
    if (withPeer && names.at(-1) !== 'p2p')
      throw refuse('which does not end in /p2p/ and a PeerId, so nobody could tell who answers')
    if (!withPeer && names.includes('p2p')) throw refuse('and a PeerId has no place there')
  }
}

/**
 * Downloads are the one place within the node's own folders that may be shared. One that held the others
 * would let the identity be shared with it.
 *
 * @throws ConfigError
 */
export async function checkDownloadDir(downloadDir: string, own: Folders, where: string): Promise<void> {
  for (const name of ['data', 'config', 'state'] as const) {
    if (!(await holds(downloadDir, own[name]))) continue
    throw new ConfigError(
      `The folder for downloads, ${downloadDir} (${where}), is or contains the node's ${name} folder ${own[name]}: what the node keeps to itself could come to be shared with your downloads. Choose a folder of its own, as --download-dir ${join(downloadDir, 'downloads')}.`,
      where,
      'download-dir'
    )
  }
}

export interface Endpoint {
  readonly host: string
  readonly port: number
}

/**
 * Host and port of the local API. A wider address than loopback is refused: whoever reaches the API can
 * read every file that the user can.
 *
 * @throws ConfigError
 */
export function endpointOf(api: string, where = 'the configuration'): Endpoint {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(api)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (host === undefined || port > 65_535) {
    throw new ConfigError(
      `api takes HOST:PORT, as 127.0.0.1:6347 or [::1]:6347; ${where} says ${show(api)}.`,
      where,
      'api'
    )
  }
  const loopback = host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
  if (!loopback) {
    throw new ConfigError(
      `api takes a loopback address, and ${where} says ${show(api)}: whoever reaches the API commands this node. To reach it from afar, forward its port over ssh.`,
      where,
      'api'
    )
  }
  return { host, port }
}
