/** What is left of a download of a folder that the user cancels. */
import { basename, join } from 'node:path'
import { ContentId, decodeFolderListing } from '@servent/overlay'
import { listingPath, localPaths } from './folder-paths.ts'
import { removeEmptyFolders } from './folder-place.ts'
import type { DownloadDeps } from './job.ts'
import { PartFile, partPath } from './part-file.ts'
import type { StoredDownload } from './store.ts'

/**
 * Removes what is not whole of a folder, and the folders that nothing is in then. Whole files stay, and so does what
 * the disk does not let go of: the user wants to be rid of the download, whatever became of its folder.
 */
export async function discardFolder(
  row: StoredDownload,
  { folders, files, logger }: Pick<DownloadDeps, 'folders' | 'files' | 'logger'>
): Promise<void> {
  const remove = (path: string) =>
    PartFile.remove(path, files).catch(({ message }: Error) => {
      logger?.warn({ id: row.id, path, reason: message }, 'a part of a folder could not be removed')
    })
  const path = listingPath(row)
  await remove(path)
  await remove(partPath(row.folder, basename(path), ContentId.parse(row.id)))
  const listing = folders.listing(row.id)
  if (listing === undefined || row.part === undefined) return
  const entries = decodeFolderListing(listing)
  const paths = localPaths(entries)
  const finished = folders.finished(row.id)
  for (const [number, { id }] of entries.entries()) {
    if (finished.has(number)) continue
    const path = paths[number]!
    const inner = join(row.part, ...path.slice(0, -1))
    await remove(partPath(inner, path.at(-1)!, id, number))
  }
  await removeEmptyFolders(row.part, paths, files)
}
