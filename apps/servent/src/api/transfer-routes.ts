/** Paths about files: what is shared, searches, downloads and uploads. */
import { isAbsolute } from 'node:path'
import type { SearchRequest } from '@servent/node'
import { parseQuery } from '@servent/overlay'
import { ProblemError } from '../problem.ts'
import { checkOverlays } from './overlays-asked.ts'
import * as schema from './schemas.ts'
import { SearchBody } from './search-schemas.ts'
import type { Api, ApiInit } from './server.ts'
import { NDJSON, sendEvents } from './stream.ts'
import { subjectOf } from './subject.ts'
import * as answers from './transfer-schemas.ts'

const events = (summary: string) => ({
  summary,
  produces: [NDJSON],
  response: { 200: schema.EventsAnswer, 400: schema.ProblemAnswer }
})

export function transferRoutes(app: Api, { node }: ApiInit): void {
  app.post(
    '/v1/shares',
    { schema: { ...events('Shares a file or folder'), body: schema.ShareBody } },
    async (request, reply) => {
      const path = absolute(request.body.path)
      return sendEvents(reply, signal => node.share(path, { signal }))
    }
  )

  app.delete(
    '/v1/shares',
    {
      schema: {
        summary: 'Ends sharing a path',
        querystring: schema.ShareBody,
        response: { 200: schema.UnshareAnswer, 404: schema.ProblemAnswer }
      }
    },
    async request => node.unshare(absolute(request.query.path))
  )

  app.get(
    '/v1/library',
    {
      schema: {
        summary: 'What is shared, page by page',
        querystring: schema.PageQuery,
        response: { 200: schema.LibraryAnswer }
      }
    },
    async request => (await node.library(request.query)) as never
  )

  app.get(
    '/v1/files/:id/ticket',
    {
      schema: {
        summary: 'A ticket for a file',
        params: schema.IdParams,
        response: { 200: schema.TicketAnswer, 404: schema.ProblemAnswer }
      }
    },
    async request => {
      const id = await node.resolve(request.params.id)
      return { id: id.toString(), ticket: await node.ticket(id) }
    }
  )

  app.post(
    '/v1/tickets',
    {
      schema: {
        summary: 'A ticket for what is shared at a path: of a folder, with all its files',
        body: schema.ShareBody,
        response: { 200: schema.TicketAnswer, 404: schema.ProblemAnswer }
      }
    },
    async request => {
      const { id, ...answer } = await node.ticketOfPath(absolute(request.body.path))
      return { id: id.toString(), ...answer }
    }
  )

  app.post(
    '/v1/searches',
    { schema: { ...events('Asks the overlays'), body: SearchBody } },
    async (request, reply) => {
      const wanted = request.body as SearchRequest
      parseQuery(wanted.text, wanted)
      checkOverlays(wanted.overlays, node.overlays)
      return sendEvents(reply, signal => node.search(wanted, signal))
    }
  )

  app.get(
    '/v1/searches/last',
    { schema: { summary: 'Rows of the last search', response: { 200: schema.RowsAnswer } } },
    async () => ({ rows: node.lastSearch() }) as never
  )

  app.post(
    '/v1/downloads',
    {
      schema: {
        ...events('Fetches a file, or goes on with it; pauses when the client goes'),
        body: schema.GetBody
      }
    },
    async (request, reply) => {
      const { what, output, priority } = request.body
      const to = {
        ...(output === undefined ? {} : { output: absolute(output) }),
        ...(priority === undefined ? {} : { priority })
      }
      return sendEvents(reply, async function* (signal) {
        const subject = await subjectOf(node, what)
        if (subject !== undefined)
          yield { event: 'begin', id: subject.id, name: subject.name, size: subject.size }
        yield* node.get(what, { ...to, signal })
      })
    }
  )

  app.get(
    '/v1/downloads',
    { schema: { summary: 'Downloads', response: { 200: answers.DownloadsAnswer } } },
    async () => ({ downloads: node.downloads() }) as never
  )

  app.get(
    '/v1/downloads/:id/files',
    {
      schema: {
        summary: 'Files of a folder that is downloaded, page by page',
        params: schema.IdParams,
        querystring: schema.PageQuery,
        response: { 200: answers.DownloadFilesAnswer, 404: schema.ProblemAnswer }
      }
    },
    async request => {
      const { after = 0, limit } = request.query
      const files = await node.downloadFiles(await node.resolve(request.params.id), { after, limit })
      return { files, ...(files.length < limit ? {} : { next: after + limit }) }
    }
  )

  app.post(
    '/v1/downloads/:id/pause',
    {
      schema: {
        summary: 'Pauses a download',
        params: schema.IdParams,
        response: { 200: schema.IdParams, 404: schema.ProblemAnswer }
      }
    },
    async request => {
      const id = await node.resolve(request.params.id)
      await node.pauseDownload(id)
      return { id: id.toString() }
    }
  )

  app.delete(
    '/v1/downloads/:id',
    {
      schema: {
        summary: 'Ends a download and deletes what is not whole of it: a file, or files of a folder',
        params: schema.IdParams,
        response: { 200: schema.IdParams, 404: schema.ProblemAnswer }
      }
    },
    async request => {
      const id = await node.resolve(request.params.id)
      await node.cancelDownload(id)
      return { id: id.toString() }
    }
  )

  app.get(
    '/v1/uploads',
    { schema: { summary: 'Uploads', response: { 200: answers.UploadsAnswer } } },
    async () => ({ uploads: node.uploads() }) as never
  )
}

/** The daemon has a working folder of its own: a relative path would mean something else than it says. */
function absolute(path: string): string {
  if (isAbsolute(path)) return path
  throw new ProblemError({
    code: 'usage',
    message: `${JSON.stringify(path)} is no absolute path.`,
    try: 'give the whole path'
  })
}
