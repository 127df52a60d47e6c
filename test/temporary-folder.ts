/**
 * All temporary folders of a run lie in one, which goes with the run, whatever a test left in it. Its name is short:
 * sockets in these folders have room for a hundred characters.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'sv-'))
  // Tests take the part of other users.
  chmodSync(folder, 0o711)
  // What `os.tmpdir` reads, here and in every process that the tests start.
  for (const name of ['TMPDIR', 'TMP', 'TEMP']) process.env[name] = folder
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}
