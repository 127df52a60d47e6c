/** Paths as the catalogue compares them: absolute, real, without a separator at the end. */
import { sep } from 'node:path'

/** Whether `path` lies below `folder`, or is it. */
export function isWithin(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep)
}

/**
 * The range of texts that are paths below a folder, for an index in the order of bytes: from the first
 * (inclusive) to the first that is past them.
 */
export function rangeBelow(folder: string): [from: string, to: string] {
  const start = folder.endsWith(sep) ? folder : folder + sep
  return [start, start.slice(0, -1) + String.fromCharCode(sep.charCodeAt(0) + 1)]
}
