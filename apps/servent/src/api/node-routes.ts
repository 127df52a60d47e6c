/** Paths about the node itself: its state, peers, overlays, checks, and its end. */

import { NotFoundError } from '@servent/node'
import type { OverlayName } from '@servent/overlay'
import { Type } from 'typebox'
import * as schema from './schemas.ts'
import type { Api, ApiInit } from './server.ts'

const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export function nodeRoutes(app: Api, { node, version, onStop }: ApiInit): void {
  app.get(
    '/health',
    {
      schema: {
        summary: 'Says that something runs here; needs no token',
        security: [],
        response: { 200: schema.HealthAnswer }
      }
    },
    async () => ({ status: 'ok' as const })
  )

  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())

  app.get(
    '/metrics',
    { schema: { summary: 'Prometheus metrics', produces: ['text/plain'], response: { 200: Type.String() } } },
    async (_request, reply) =>
      reply
        .header('content-type', METRICS_TYPE)
        .serializer(String)
        .send(await node.metrics())
  )

  app.get(
    '/v1/daemon',
    { schema: { summary: 'The process', response: { 200: schema.DaemonAnswer } } },
    async () => ({
      pid: process.pid,
      version,
      peerId: node.peerId,
      addresses: node.addresses(),
      overlays: [...node.overlays]
    })
  )

  app.post(
    '/v1/stop',
    { schema: { summary: 'Ends the node orderly', response: { 202: Type.Object({ pid: Type.Integer() }) } } },
    async (_request, reply) => {
      // Stopping closes this server: the answer must have left before.
      reply.raw.once('finish', onStop)
      return reply.code(202).send({ pid: process.pid })
    }
  )

  app.get(
    '/v1/status',
    {
      schema: {
        summary: 'Identity, reachability, overlays, library, transfers',
        response: { 200: schema.StatusAnswer }
      }
    },
    async () => node.status() as never
  )

  app.get(
    '/v1/peers',
    { schema: { summary: 'Connected peers', response: { 200: schema.PeersAnswer } } },
    async () => ({ peers: node.peers() }) as never
  )

  app.get(
    '/v1/overlays',
    { schema: { summary: 'Every overlay', response: { 200: schema.OverlaysAnswer } } },
    async () => ({ overlays: node.overlays.flatMap(name => node.overlay(name) ?? []) }) as never
  )

  app.get(
    '/v1/overlays/:name',
    {
      schema: {
        summary: 'One overlay with its tables',
        params: schema.NameParams,
        response: { 200: schema.OverlayAnswer, 404: schema.ProblemAnswer }
      }
    },
    async request => {
      const { name } = request.params
      const snapshot = node.overlays.some(one => one === name) ? node.overlay(name as OverlayName) : undefined
      if (snapshot === undefined) {
        throw new NotFoundError(
          `This node does not run an overlay ${JSON.stringify(name)}. It runs: ${node.overlays.join(', ')}.`
        )
      }
      return snapshot as never
    }
  )

  app.get(
    '/v1/doctor',
    { schema: { summary: 'Checks from the inside', response: { 200: schema.DoctorAnswer } } },
    async () => ({ checks: await node.doctor() })
  )
}
