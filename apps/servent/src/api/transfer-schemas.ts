/** What the local API says of downloads and uploads. */
import { Type } from 'typebox'
import { Bytes, Count, Id } from './schemas.ts'

const open = { additionalProperties: true } as const

/** A page of what a folder’s download fetches. */
export const DownloadFilesAnswer = Type.Object(
  {
    files: Type.Array(
      Type.Object(
        {
          id: Id,
          path: Type.String({ description: 'Below the folder, parted by /' }),
          size: Bytes('Size'),
          isDone: Type.Boolean()
        },
        open
      )
    ),
    next: Type.Optional(Type.Integer({ description: '`after` of the next page; absent on the last' }))
  },
  open
)

export const DownloadsAnswer = Type.Object({
  downloads: Type.Array(
    Type.Object(
      {
        id: Id,
        name: Type.String(),
        size: Type.Optional(Bytes('Size')),
        phase: Type.String({ description: 'locating, fetching, verifying, paused, done, failed' }),
        priority: Type.String({ description: 'high, normal, low' }),
        reason: Type.Optional(Type.String()),
        verifiedBytes: Bytes('Verified'),
        totalBytes: Bytes('Size, 0 until it is known'),
        sources: Type.Array(
          Type.Object(
            {
              peer: Type.String(),
              relayed: Type.Boolean(),
              rate: Type.Number(),
              partial: Type.Optional(Type.Boolean({ description: 'It is fetching the file itself' }))
            },
            open
          )
        ),
        banned: Type.Array(Type.Object({ peer: Type.String(), reason: Type.String() }, open)),
        path: Type.Optional(Type.String()),
        files: Type.Optional(Count('Files of a folder')),
        filesDone: Type.Optional(Count('Of these, those that are whole')),
        missing: Type.Optional(
          Type.Array(Type.String(), { description: 'Files of a folder that could not be fetched' })
        )
      },
      open
    )
  )
})

export const UploadsAnswer = Type.Object({
  uploads: Type.Array(
    Type.Object(
      {
        peer: Type.String(),
        id: Id,
        name: Type.String(),
        state: Type.String(),
        sentBytes: Bytes('Sent'),
        totalBytes: Bytes('Wanted'),
        rate: Type.Number(),
        relayed: Type.Boolean({ description: 'Goes through a relay' }),
        standing: Type.String({ description: 'giver, newcomer, freeloader: who goes first' }),
        givenBytes: Bytes('Verified bytes that this peer gave, ever'),
        takenBytes: Bytes('Bytes that were sent to it, ever'),
        level: Type.Optional(
          Type.Integer({
            description: 'Its participation level, 0 to 1000: of one standing the higher goes first'
          })
        ),
        band: Type.Optional(Type.String({ description: 'What the level is called: Low to Supreme Being' })),
        partial: Type.Optional(Type.Boolean({ description: 'The file is being fetched here itself' }))
      },
      open
    )
  )
})
