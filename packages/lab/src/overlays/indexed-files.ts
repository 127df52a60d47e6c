/** What an index in memory has of an owner. */
import { type IndexedFile, type MemoryIndex, SEARCH_FILES_MAX } from '@servent/keyword-index/memory'

export function filesOf(index: MemoryIndex, owner: string): IndexedFile[] {
  const files: IndexedFile[] = []
  for (let page = index.browse(owner, undefined, SEARCH_FILES_MAX); page.length > 0; ) {
    files.push(...page)
    page = index.browse(owner, page.at(-1)!.key, SEARCH_FILES_MAX)
  }
  return files
}
