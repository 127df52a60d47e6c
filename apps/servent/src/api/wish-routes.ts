/** Paths of the wishlist: searches that run by themselves. */
import type { WishRequest } from '@servent/node'
import { checkOverlays } from './overlays-asked.ts'
import { ProblemAnswer } from './schemas.ts'
import type { Api, ApiInit } from './server.ts'
import * as schema from './wish-schemas.ts'

export function wishRoutes(app: Api, { node }: ApiInit): void {
  app.post(
    '/v1/wishes',
    {
      schema: {
        summary: 'Saves a search that runs by itself now and then',
        body: schema.WishBody,
        response: { 200: schema.WishAnswer, 400: ProblemAnswer }
      }
    },
    async request => {
      const wanted = request.body as WishRequest
      checkOverlays(wanted.overlays, node.overlays)
      return node.wish(wanted) as never
    }
  )

  app.get(
    '/v1/wishes',
    { schema: { summary: 'Saved searches', response: { 200: schema.WishesAnswer } } },
    async () => ({ wishes: node.wishes() }) as never
  )

  app.get(
    '/v1/wishes/:wish/rows',
    {
      schema: {
        summary: 'What a saved search found since the user looked',
        params: schema.WishParams,
        querystring: schema.WishRowsQuery,
        response: { 200: schema.WishRowsAnswer, 404: ProblemAnswer }
      }
    },
    async request => ({ rows: node.wishRows(request.params.wish, request.query) }) as never
  )

  app.post(
    '/v1/wishes/:wish/look',
    {
      schema: {
        summary: 'Says that the user has looked at the rows up to one',
        params: schema.WishParams,
        body: schema.LookBody,
        response: { 200: schema.WishParams, 404: ProblemAnswer }
      }
    },
    async request => {
      const { wish } = request.params
      node.lookedAtWish(wish, request.body.through)
      return { wish }
    }
  )

  app.delete(
    '/v1/wishes/:wish',
    {
      schema: {
        summary: 'Takes a saved search back',
        params: schema.WishParams,
        response: { 200: schema.WishParams, 404: ProblemAnswer }
      }
    },
    async request => {
      const { wish } = request.params
      node.unwish(wish)
      return { wish }
    }
  )
}
