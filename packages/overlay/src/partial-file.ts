/** How a file that is being fetched is told from one that is shared. */
import type { PartialFile, SharedFile } from './catalogue.ts'

/** Indices of shared files are below this one. */
export const PARTIAL_INDEX_MIN = 2 ** 31

export const isPartial = (file: SharedFile | PartialFile): file is PartialFile =>
  file.index >= PARTIAL_INDEX_MIN
