/** Paths about people, as Napster servers know them. */
import * as schema from './people-schemas.ts'
import { EventsAnswer, ProblemAnswer } from './schemas.ts'
import type { Api, ApiInit } from './server.ts'
import { NDJSON, sendEvents } from './stream.ts'

export function peopleRoutes(app: Api, { node }: ApiInit): void {
  app.post(
    '/v1/browses',
    {
      schema: {
        summary: 'What a user of the Napster server shares, as rows of a search',
        body: schema.BrowseBody,
        produces: [NDJSON],
        response: { 200: EventsAnswer, 400: ProblemAnswer }
      }
    },
    async (request, reply) => sendEvents(reply, signal => node.browse(request.body.user, { signal }))
  )

  app.get(
    '/v1/whois',
    {
      schema: {
        summary: 'What the Napster server says of a nick',
        querystring: schema.NickQuery,
        response: { 200: schema.WhoisAnswer, 404: ProblemAnswer }
      }
    },
    async request => (await node.whois(request.query.nick)) as never
  )

  app.get(
    '/v1/hotlist',
    { schema: { summary: 'Nicks that come and go', response: { 200: schema.HotlistAnswer } } },
    async () => ({ nicks: node.hotlist.list() }) as never
  )

  app.post(
    '/v1/hotlist',
    {
      schema: {
        summary: 'Adds a nick to the hotlist',
        body: schema.NickQuery,
        response: { 200: schema.HotlistEntry, 400: ProblemAnswer, 404: ProblemAnswer }
      }
    },
    async request => node.hotlist.add(request.body.nick) as never
  )

  app.delete(
    '/v1/hotlist',
    {
      schema: {
        summary: 'Takes a nick from the hotlist',
        querystring: schema.NickQuery,
        response: { 200: schema.NickQuery, 404: ProblemAnswer }
      }
    },
    async request => {
      const { nick } = request.query
      node.hotlist.remove(nick)
      return { nick }
    }
  )
}
