/** Checks of a node from the inside, each with what it found and what to try. */
import { access, constants, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { IntroducerStatus } from '@servent/introducer'
import type { OverlaySnapshot } from '@servent/overlay'
import type { Config } from './config.ts'
import { tooFewConnections } from './connection-needs.ts'
import { IDENTITY_FILE } from './folders.ts'
import { isNapsterServer } from './overlay-names.ts'
import type { DoctorCheck, NodeStatus } from './types.ts'

/** Under this a download of a few songs fills the disk. */
const FREE_BYTES_MIN = 512 * 1024 * 1024
/** A clock that is before this program was written expires nothing and signs nothing that others take. */
const CLOCK_MS_MIN = Date.UTC(2026, 0, 1)
const OTHERS_ANY = 0o077
/** By then an overlay has met others that are there: where no peer is a supernode yet, one becomes it within a minute. */
const JOIN_MS_MAX = 90_000

export interface DoctorInit {
  readonly config: Config
  readonly status: NodeStatus
  readonly overlays: readonly OverlaySnapshot[]
  /** Shared folders, and whether they are there now. */
  readonly roots: readonly { path: string; present: boolean; reason?: string }[]
  /** Milliseconds since 1970. */
  readonly wallMs: number
}

export async function doctor(init: DoctorInit): Promise<DoctorCheck[]> {
  const { config } = init
  return [
    await identityCheck(config),
    await diskCheck('data folder', config.dataDir),
    await diskCheck('download folder', config.downloadDir),
    clockCheck(init.wallMs),
    listenCheck(init),
    reachCheck(init),
    relayCheck(init),
    ...(init.status.introducers ?? []).map(introducerCheck),
    peersCheck(init),
    ...connectionsChecks(init),
    ...init.overlays.map(overlay => overlayCheck(overlay, init)),
    ...init.roots.map(rootCheck)
  ]
}

async function identityCheck({ dataDir }: Config): Promise<DoctorCheck> {
  const path = join(dataDir, IDENTITY_FILE)
  const info = await stat(path).catch(() => undefined)
  if (info === undefined) {
    return {
      name: 'identity',
      ok: false,
      message: `${path} is gone: the next start will be somebody else.`,
      try: 'restore it from a backup before you stop this node'
    }
  }
  const open = process.platform !== 'win32' && (info.mode & OTHERS_ANY) !== 0
  if (open)
    return {
      name: 'identity',
      ok: false,
      message: `${path} can be read by others.`,
      try: `chmod 600 ${path}`
    }
  return { name: 'identity', ok: true, message: `${path} is yours alone.` }
}

async function diskCheck(name: string, folder: string): Promise<DoctorCheck> {
  try {
    await access(folder, constants.W_OK)
    const { bavail, bsize } = await statfs(folder)
    const free = bavail * bsize
    const mebibytes = Math.floor(free / 2 ** 20)
    if (free < FREE_BYTES_MIN) {
      return {
        name,
        ok: false,
        message: `${folder} has ${mebibytes} MiB left.`,
        try: 'make room on that disk'
      }
    }
    return { name, ok: true, message: `${folder} can be written, ${mebibytes} MiB are free.` }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return { name, ok: true, message: `${folder} is made when it is needed.` }
    return {
      name,
      ok: false,
      message: `${folder} cannot be written: ${message}.`,
      try: 'check who owns it: ls -ld'
    }
  }
}

function clockCheck(wallMs: number): DoctorCheck {
  const shown = new Date(wallMs).toISOString()
  if (wallMs >= CLOCK_MS_MIN) return { name: 'clock', ok: true, message: `It is ${shown}.` }
  return {
    name: 'clock',
    ok: false,
    message: `The clock says ${shown}: what this node signs looks expired to others.`,
    try: 'set the clock, or switch network time on'
  }
}

function listenCheck({ config, status }: DoctorInit): DoctorCheck {
  if (config.noInbound)
    return { name: 'listening', ok: true, message: 'Not at all, as configured (no-inbound).' }
  const [first, ...more] = status.addresses
  if (first !== undefined) {
    const others = more.length === 0 ? '' : ` and ${more.length} more`
    return { name: 'listening', ok: true, message: `On ${first}${others}.` }
  }
  return {
    name: 'listening',
    ok: false,
    message: 'On no address.',
    try: 'start with --listen /ip4/0.0.0.0/tcp/6346'
  }
}

function reachCheck({ status }: DoctorInit): DoctorCheck {
  const { kind, why } = status.reachability
  const ok = kind !== 'unknown' && kind !== 'local'
  if (ok) return { name: 'reachability', ok, message: why }
  return {
    name: 'reachability',
    ok,
    message: why,
    try: kind === 'local' ? 'listen on /ip4/0.0.0.0/tcp/6346' : 'allow the port in the firewall and router'
  }
}

function relayCheck({ config, status }: DoctorInit): DoctorCheck {
  const name = 'relays'
  const { mode, relays, serving } = status.relay
  if (mode === 'off') return { name, ok: true, message: 'None is used, as configured (relay = off).' }
  if (serving !== undefined) {
    const { reservations, circuits } = serving
    return {
      name,
      ok: !config.noInbound,
      message: `This node is a relay: ${reservations} peers can be called over it, ${circuits} connections go through it.`,
      ...(config.noInbound && { try: 'leave out --no-inbound: a relay must be called itself' })
    }
  }
  if (relays.length > 0)
    return { name, ok: true, message: `This node can be called over ${relays.join(', ')}.` }
  const apart = config.noInbound ? ' Peers that take no calls either cannot fetch from it.' : ''
  return { name, ok: true, message: `No peer that it knows is a relay.${apart}` }
}

/** To be listed is no need of this node's own: it is said, and nothing is wrong without it. */
function introducerCheck({ url, peers, why, listed, unlisted }: IntroducerStatus): DoctorCheck {
  const name = `introducer ${url}`
  if (why !== undefined) {
    return {
      name,
      ok: false,
      message: why,
      try: 'check that it runs and that its address is right, or name another one by --introducer'
    }
  }
  if (peers === undefined) return { name, ok: true, message: 'It is being asked.' }
  const self =
    listed.length > 0
      ? `It sends others to this node at ${listed.join(' and ')}.`
      : unlisted === undefined
        ? 'This node is not listed yet.'
        : `This node is not listed: ${unlisted}`
  return { name, ok: true, message: `It named ${peers} ${peers === 1 ? 'peer' : 'peers'}. ${self}` }
}

function peersCheck({ config, status }: DoctorInit): DoctorCheck {
  const count = status.connections
  if (count > 0) return { name: 'peers', ok: true, message: `Connected to ${count}.` }
  const ways = [...config.discovery, ...(config.introducer.length === 0 ? [] : ['introducers'])]
  const sought = ways.length === 0 ? 'nowhere' : ways.join(', ')
  return {
    name: 'peers',
    ok: false,
    message: `Connected to nobody. Peers are looked for by: ${sought}.`,
    try:
      config.bootstrap.length === 0
        ? 'start a node on another machine of this network, or name one by --bootstrap, or an introducer by --introducer'
        : 'check that the bootstrap peers run: their addresses and PeerIds may have changed'
  }
}

/** Where the limit is what overlays need nothing is said: it is so wherever the user has not set it. */
function connectionsChecks({ config, overlays }: DoctorInit): DoctorCheck[] {
  const isSupernode = overlays.some(({ role }) => role === 'supernode')
  return tooFewConnections(config, isSupernode).map(({ overlay, message }) => ({
    name: `connections of ${overlay}`,
    ok: false,
    message,
    try: `leave max-connections out, or set ${overlay === 'napster' ? 'napster.users' : 'fasttrack.ordinaries-per-supernode'} lower`
  }))
}

function overlayCheck(overlay: OverlaySnapshot, { config, overlays, status }: DoctorInit): DoctorCheck {
  const { name, state, reason, neighbours, announced } = overlay
  const check = `overlay ${name}`
  if (state !== 'running') {
    return {
      name: check,
      ok: false,
      message: `It is ${state}${reason === undefined ? '' : `: ${reason}`}`,
      try: 'see the log, and start the node again'
    }
  }
  if (overlay.indexReachable === false) {
    return {
      name: check,
      ok: false,
      message: `It runs as a server. ${reason ?? ''}`,
      try: 'start the database, or see napster.database and napster.index: it is tried again by itself'
    }
  }
  if (announced?.refused !== undefined) {
    // An index takes so many files of one peer by design: whoever shares more is found through the other overlays.
    const others = overlays.filter(other => other !== overlay && takesAll(other)).map(other => other.name)
    const found = others.length === 0 ? 'by nobody here' : `through ${others.join(', ')} alone`
    return {
      name: check,
      ok: others.length > 0,
      message: `${announced.refused} shared files are found ${found}: ${announced.why}.`,
      ...(others.length === 0 && {
        try: `share fewer files, or wait for ${name === 'fasttrack' ? 'another supernode' : 'more peers'}`
      })
    }
  }
  if (neighbours.length > 0)
    return {
      name: check,
      ok: true,
      message: `It runs with ${neighbours.length} ${neighbours.length === 1 ? 'neighbour' : 'neighbours'}.`
    }
  if (name === 'napster' && config.napster.servers.length === 0)
    return { name: check, ok: true, message: unnamedServer(config) }
  const message = 'It runs and has no neighbours yet.'
  if (name === 'napster') {
    const advice = 'check that the servers run: addresses and PeerIds of napster.servers may have changed'
    return { name: check, ok: false, message, try: advice }
  }
  const isJoining = status.connections > 0 && status.uptimeMs < JOIN_MS_MAX
  return isJoining
    ? { name: check, ok: true, message: 'It runs and looks for its first neighbours.' }
    : { name: check, ok: false, message, try: 'wait a moment; if it stays so, see the peers above' }
}

const takesAll = ({ state, neighbours, announced }: OverlaySnapshot): boolean =>
  state === 'running' && neighbours.length > 0 && announced?.refused === undefined

/** Whoever named no server has not said yet what this overlay is to do: that is a choice, and nothing is broken. */
function unnamedServer({ overlays }: Config): string {
  if (isNapsterServer(overlays)) return 'It runs as a server, and nobody is logged in.'
  return 'It runs and is logged in nowhere. To use it, name a server by --set napster.servers=MULTIADDR, or run one: --overlays napster,napster-server.'
}

function rootCheck({ path, present, reason }: DoctorInit['roots'][number]): DoctorCheck {
  if (present) return { name: 'shared folder', ok: true, message: `${path} is there.` }
  return {
    name: 'shared folder',
    ok: false,
    message: `${path} is gone or unplugged; its files are not offered until it is back.${reason === undefined ? '' : ` ${reason}`}`,
    try: `plug it in, or servent unshare ${path}`
  }
}
