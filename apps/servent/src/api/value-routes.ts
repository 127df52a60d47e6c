/** Paths of the key-value store that the key-routed overlays are. */
import type { PutRequest, ValueRequest } from '@servent/node'
import { ProblemError } from '../problem.ts'
import { checkOverlays } from './overlays-asked.ts'
import * as schema from './schemas.ts'
import type { Api, ApiInit } from './server.ts'
import { goneSignal } from './stream.ts'

export function valueRoutes(app: Api, { node }: ApiInit): void {
  app.post(
    '/v1/values',
    {
      schema: {
        summary: 'Keeps a value under a key, on peers of every overlay that stores by key',
        body: schema.PutBody,
        response: { 200: schema.PutAnswer, 400: schema.ProblemAnswer, 404: schema.ProblemAnswer }
      }
    },
    async (request, reply) => {
      const { key, value, encoding = 'utf8', overlays } = request.body
      checkOverlays(overlays, node.overlays)
      const wanted = { key, value: bytesOf(value, encoding), ...(overlays && { overlays }) } as PutRequest
      return node.put(wanted, goneSignal(reply)) as never
    }
  )

  app.get(
    '/v1/values',
    {
      schema: {
        summary: 'The newest value under a key',
        querystring: schema.ValueQuery,
        response: { 200: schema.ValueAnswer, 400: schema.ProblemAnswer, 404: schema.ProblemAnswer }
      }
    },
    async (request, reply) => {
      const { key, overlay } = request.query
      const overlays = overlay === undefined ? undefined : [overlay].flat()
      checkOverlays(overlays, node.overlays)
      const wanted = { key, ...(overlays && { overlays }) } as ValueRequest
      const { value, ...found } = await node.value(wanted, goneSignal(reply))
      return { ...found, ...textOf(value), bytes: value.length } as never
    }
  )
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

function bytesOf(text: string, encoding: 'utf8' | 'base64'): Uint8Array {
  if (encoding === 'base64' && !(text.length % 4 === 0 && BASE64.test(text))) {
    throw new ProblemError({
      code: 'usage',
      message: 'The value is no base64.',
      try: 'leave encoding out for a text'
    })
  }
  return Uint8Array.from(Buffer.from(text, encoding))
}

/** JSON holds texts: bytes that are none become base64. */
function textOf(bytes: Uint8Array): { value: string; encoding: 'utf8' | 'base64' } {
  try {
    return {
      value: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes),
      encoding: 'utf8'
    }
  } catch {
    return { value: Buffer.from(bytes).toString('base64'), encoding: 'base64' }
  }
}
