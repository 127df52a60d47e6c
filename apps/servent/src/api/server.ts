/**
 * The local HTTP API: how the command line, pages and scripts of this user talk to the node. Described by
 * itself at `/openapi.json`.
 */
import swagger from '@fastify/swagger'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { ServentNode } from '@servent/node'
import Fastify, { type FastifyError, type FastifyInstance } from 'fastify'
import { MEANINGS, type Problem, problemOf } from '../problem.ts'
import { type GuardInit, guard } from './guard.ts'
import { nodeRoutes } from './node-routes.ts'
import { peopleRoutes } from './people-routes.ts'
import { transferRoutes } from './transfer-routes.ts'
import { valueRoutes } from './value-routes.ts'
import { wishRoutes } from './wish-routes.ts'

/** The longest request has a path, a ticket or a value in it. */
const BODY_BYTES_MAX = 65_536
/** Ids and overlays' names stand in paths; tickets do not. */
const PARAMETER_CHARACTERS_MAX = 128

export interface ApiInit extends GuardInit {
  readonly node: ServentNode
  readonly version: string
  /** Called by `POST /v1/stop`, after its answer was sent. */
  readonly onStop: () => void
}

/** What routes are written against. */
export type Api = FastifyInstance<
  import('node:http').Server,
  import('node:http').IncomingMessage,
  import('node:http').ServerResponse,
  import('fastify').FastifyBaseLogger,
  TypeBoxTypeProvider
>

/** What answers requests, by its `routing`. It has no server of its own: `daemon/listen.ts` has. */
export async function createApi(init: ApiInit): Promise<Api> {
  const app = Fastify({
    bodyLimit: BODY_BYTES_MAX,
    routerOptions: { maxParamLength: PARAMETER_CHARACTERS_MAX },
    exposeHeadRoutes: false,
    // What is not in the schema is a mistake of the caller, and is said instead of passed over.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: true, useDefaults: true } }
  }).withTypeProvider<TypeBoxTypeProvider>()
  // Schemas of answers describe and do not filter: a table that an overlay adds must come through.
  app.setSerializerCompiler(() => value => JSON.stringify(value))
  // Fastify reads plain text unasked, which is what a page can send to any server.
  app.removeContentTypeParser('text/plain')
  guard(app, init)
  app.addHook('onSend', async (_request, reply) => {
    reply.header('x-content-type-options', 'nosniff').header('cache-control', 'no-store')
  })
  app.setErrorHandler<FastifyError>((error, _request, reply) => {
    const problem = requestProblem(error) ?? problemOf(error)
    // Fastify's own refusals know their status: 400, 404, 413, 415.
    const status = requestProblem(error) === undefined ? MEANINGS[problem.code].status : error.statusCode!
    return reply.code(status).send({ error: problem })
  })
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send({
      error: {
        code: 'not-found',
        message: `There is no ${request.method} ${request.url.split('?')[0]} here.`,
        try: 'GET /openapi.json lists what there is'
      }
    })
  )
  await app.register(swagger, {
    openapi: {
      info: { title: 'Servent', description: 'The local API of a servent node.', version: init.version },
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'From api.token in the data folder' }
        }
      },
      security: [{ token: [] }]
    }
  })
  nodeRoutes(app, init)
  transferRoutes(app, init)
  valueRoutes(app, init)
  wishRoutes(app, init)
  peopleRoutes(app, init)
  await app.ready()
  return app
}

/** What Fastify itself finds wrong with a request. */
function requestProblem(error: FastifyError): Problem | undefined {
  if (error.validation !== undefined) {
    return {
      code: 'usage',
      message: `The request is not what this path takes: ${error.message}.`,
      try: 'GET /openapi.json describes every request'
    }
  }
  if (!error.code?.startsWith('FST_ERR_CTP') || error.statusCode === undefined) return undefined
  if (error.statusCode === 413)
    return { code: 'too-large', message: `A request has at most ${BODY_BYTES_MAX} bytes.` }
  if (error.statusCode === 415)
    return {
      code: 'usage',
      message: 'A request with a body is JSON.',
      try: 'send content-type: application/json'
    }
  return { code: 'usage', message: error.message }
}
