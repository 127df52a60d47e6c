/**
 * Where a node keeps things: the XDG base directories on Linux, their counterparts elsewhere (env-paths).
 *
 * Config is the user's and is never written. Data is what must not be lost (identity, database, partial
 * files). State is logs.
 */
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import envPaths from 'env-paths'

export interface Folders {
  readonly config: string
  readonly data: string
  readonly state: string
  /** Where finished downloads go unless the user says otherwise. */
  readonly downloads: string
}

/** `dataDir` is `--data-dir`: everything that this node writes then stays in it, so several run side by side. */
export function folders(dataDir?: string): Folders {
  // Without the empty suffix env-paths appends `-nodejs`.
  const paths = envPaths('servent', { suffix: '' })
  if (dataDir !== undefined) {
    const data = resolve(dataDir)
    return { config: paths.config, data, state: join(data, 'log'), downloads: join(data, 'downloads') }
  }
  return {
    config: paths.config,
    data: paths.data,
    state: paths.log,
    downloads: join(homedir(), 'Downloads', 'servent')
  }
}
