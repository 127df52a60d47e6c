/**
 * What is left out of a shared folder unless the user asks for it: hidden names, what other programs have not
 * finished, and what systems leave behind. Paths that the user names outright are never left out.
 */
import { sep } from 'node:path'
import picomatch from 'picomatch'
import { LibrarySettingsError } from './errors.ts'
import type { LibrarySettings } from './types.ts'

/** Ends of names that browsers, download programs, editors and offices give to what is not finished. */
const TEMPORARY = [
  /\.(part|partial|filepart|crdownload|download|opdownload|aria2|!ut|!qb|bc!|dltmp)$/i,
  /\.(tmp|temp|swp|swx|swo|lock)$/i,
  /~$/,
  /^~\$/,
  /^\.~/,
  /^#.*#$/
]

/** Files and folders of systems and their tools, in lower case. */
const SYSTEM = new Set([
  '.ds_store',
  '.appledouble',
  '.spotlight-v100',
  '.trashes',
  '.fseventsd',
  '__macosx',
  'icon\r',
  'thumbs.db',
  'ehthumbs.db',
  'ehthumbs_vista.db',
  'desktop.ini',
  '$recycle.bin',
  'system volume information',
  'lost+found',
  '#recycle',
  '@eadir'
])

export type Filter = (relativePath: string, name: string) => boolean

/**
 * Gives a function that says whether an entry is shared. It is asked for each folder on the way down, so what
 * is below a folder that is left out is left out with it.
 *
 * @throws LibrarySettingsError  a pattern is empty or cannot be read
 */
export function createFilter(settings: LibrarySettings): Filter {
  const patterns = (settings.exclude ?? []).map(compile)
  return (relativePath, name) => {
    if (settings.includeHidden !== true && name.startsWith('.')) return false
    if (settings.includeTemporary !== true && isTemporary(name)) return false
    const path = sep === '/' ? relativePath : relativePath.replaceAll(sep, '/')
    return !patterns.some(excludes => excludes(path, name))
  }
}

function isTemporary(name: string): boolean {
  return SYSTEM.has(name.toLowerCase()) || TEMPORARY.some(pattern => pattern.test(name))
}

function compile(pattern: string): (path: string, name: string) => boolean {
  // People who write `build/` mean the folder, and those who write `/build` the one at the top.
  const glob = pattern.replace(/^\//, '').replace(/\/$/, '')
  if (glob === '') {
    throw new LibrarySettingsError(
      `"${pattern}" excludes nothing. Give a pattern as "*.iso" or "private/**", or leave it out.`
    )
  }
  try {
    const isMatch = picomatch(glob, { dot: true, nocase: process.platform !== 'linux' })
    if (pattern.replace(/\/$/, '').includes('/')) return path => isMatch(path)
    return (_path, name) => isMatch(name)
  } catch (error) {
    throw new LibrarySettingsError(
      `The pattern "${pattern}" cannot be read: ${(error as Error).message}. Give one as "*.iso" or "private/**".`
    )
  }
}
