/**
 * What downloads ask of the file system. It is Node's own, but where a test gives one that fails, tears what is
 * written, or forgets what was not synced, as disks do.
 */
import * as fs from 'node:fs/promises'

export type OpenFile = Pick<
  fs.FileHandle,
  'close' | 'datasync' | 'read' | 'stat' | 'sync' | 'truncate' | 'write'
>

export interface Files
  extends Pick<
    typeof fs,
    'link' | 'lstat' | 'mkdir' | 'opendir' | 'rename' | 'rm' | 'rmdir' | 'statfs' | 'unlink'
  > {
  readFile(path: string): Promise<Uint8Array>
  open(path: string, flags: string | number, mode?: number): Promise<OpenFile>
}

export const FILES: Files = fs

/** Nothing where `path` names nothing. Any other failure is thrown: a disk in trouble is no empty place. */
export async function standing(path: string, files: Files) {
  return files.lstat(path, { bigint: true }).catch(error => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw error
  })
}
