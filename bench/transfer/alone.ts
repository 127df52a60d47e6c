/** What a download does beside moving bytes, each alone in one process: hashing, and writing as it writes. */
import { hash } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { LAYER_BLOCK_BYTES, TreeHasher } from '@servent/overlay'
import { DOWNLOAD_LIMITS } from '@servent/transfer'

export type Alone = (folder: string, bytes: number) => Promise<() => Promise<void>>

function block(): Uint8Array {
  return new Uint8Array(LAYER_BLOCK_BYTES).map((_byte, index) => (index * 2654435761) >>> 24)
}

/** SHA-256 of every 16 KiB and the tree over them: what a file's id is made of. */
const hashing: Alone = async (_folder, bytes) => {
  const content = block()
  const hasher = new TreeHasher(data => hash('sha256', data, 'buffer'))
  return async () => {
    for (let left = bytes; left > 0; left -= content.length) hasher.update(content.subarray(0, left))
    hasher.finish()
  }
}

/** Blocks of 1 MiB, a few at a time, synced every so many bytes and at the end, then renamed. */
const writing: Alone = async (folder, bytes) => {
  const content = block()
  const path = join(folder, 'writing.part')
  const file = await open(path, 'w')
  return async () => {
    let sync: Promise<void> | undefined
    let unsynced = 0
    const under = new Set<Promise<unknown>>()
    for (let at = 0; at < bytes; at += content.length) {
      const length = Math.min(content.length, bytes - at)
      if (under.size >= DOWNLOAD_LIMITS.blocksInMemoryMax) await Promise.race(under)
      const write: Promise<unknown> = file.write(content, 0, length, at).finally(() => under.delete(write))
      under.add(write)
      unsynced += length
      if (unsynced >= DOWNLOAD_LIMITS.checkpointBytes && sync === undefined) {
        unsynced = 0
        sync = file.datasync().finally(() => {
          sync = undefined
        })
      }
    }
    await Promise.all([...under, sync])
    await file.sync()
    await rename(path, join(folder, 'written'))
    await file.close()
    await rm(join(folder, 'written'))
  }
}

export const ALONE = { hashing, writing } as const
export type AloneName = keyof typeof ALONE
