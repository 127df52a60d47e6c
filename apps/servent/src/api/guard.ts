/**
 * Who may talk to the local API. A page in the user's browser can send requests to loopback: it cannot read
 * the token's file, but a name that it controls can point here (DNS rebinding), and some requests are sent
 * without asking (CSRF). So each request must name this very server, come from no other page, and, where it
 * has a body, be JSON, which no form can send.
 */
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ProblemError } from '../problem.ts'
import { isAuthorized } from './secret.ts'

/** The only path that needs no token: it tells nothing but that something runs here. */
const HEALTH_PATH = '/health'

export interface GuardInit {
  readonly token: string
  /** Values that the header Host of this request may have, exactly: they name where it came in. */
  readonly hosts: (request: IncomingMessage) => readonly string[]
}

/** Refuses what breaks the rules above, before a body is read. */
export function guard(app: FastifyInstance, init: GuardInit): void {
  app.addHook('onRequest', async request => {
    const hosts = init.hosts(request.raw)
    checkHost(request, hosts)
    checkOrigin(request, hosts)
    if (request.url.split('?')[0] === HEALTH_PATH) return
    if (isAuthorized(request.headers.authorization, init.token)) return
    throw new ProblemError({
      code: 'no-token',
      message: 'This request has no valid token.',
      why: 'the API takes orders from its owner alone',
      try: 'send the header "Authorization: Bearer TOKEN", with TOKEN from api.token in the data folder'
    })
  })
}

function checkHost(request: FastifyRequest, hosts: readonly string[]): void {
  const { host } = request.headers
  // Node keeps the first of several Host headers; a second one is somebody trying something.
  const given = request.raw.rawHeaders.filter(
    (name, index) => index % 2 === 0 && name.toLowerCase() === 'host'
  )
  if (host !== undefined && given.length <= 1 && hosts.includes(host)) return
  throw new ProblemError({
    code: 'not-allowed',
    message: 'This request names another host than this server.',
    why: 'a name that somebody else controls may point at this machine',
    try: `use the address as it is: ${hosts.map(name => `http://${name}`).join(' or ')}`
  })
}

function checkOrigin(request: FastifyRequest, hosts: readonly string[]): void {
  const { origin } = request.headers
  const site = request.headers['sec-fetch-site']
  const ours = origin === undefined || hosts.some(host => origin === `http://${host}`)
  const sameSite = site === undefined || site === 'same-origin' || site === 'none'
  if (ours && sameSite && request.method !== 'OPTIONS') return
  throw new ProblemError({
    code: 'not-allowed',
    message: 'This request comes from a page of another origin.',
    why: "no page but this server's own may use the API, and none is allowed to by CORS",
    try: 'use the servent command, or a program that is no web page'
  })
}
