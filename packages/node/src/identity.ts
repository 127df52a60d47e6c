/**
 * The key that a node is known by: `identity.key` in the data folder, an Ed25519 private key in libp2p's
 * protobuf (https://github.com/libp2p/specs/blob/master/peer-ids/peer-ids.md#keys).
 *
 * It is written once, whole or not at all, for the user alone. A key that others could read or replace is
 * refused: whoever holds it can pose as this node.
 */
import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, link, open, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { IdentityError } from './errors.ts'
import { HAS_MODES, IDENTITY_FILE, OTHERS_ANY, octal } from './folders.ts'

const KEY_MODE = 0o600
/** An Ed25519 key in protobuf has 68 bytes. */
const KEY_BYTES_MAX = 1024

/**
 * The key of this folder; made where there is none.
 *
 * @throws IdentityError  it can be read by others, is somebody else's, or is no such key
 */
export async function loadIdentity(folder: string): Promise<Ed25519PrivateKey> {
  const path = join(folder, IDENTITY_FILE)
  return (await readKey(path)) ?? (await createKey(path))
}

async function readKey(path: string): Promise<Ed25519PrivateKey | undefined> {
  let file: FileHandle
  try {
    // A link could lead to a file that another user controls.
    file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    const why = code === 'ELOOP' ? 'it is a symbolic link' : message
    throw new IdentityError(
      `The identity key ${path} cannot be read: ${why}. Put the key itself there, readable by you alone.`
    )
  }
  try {
    // What was opened is judged, not what stands under the name a moment later.
    const info = await file.stat()
    if (!info.isFile())
      throw new IdentityError(`The identity key ${path} is no file. Move it away, and a new key is made.`)
    if (HAS_MODES && (info.mode & OTHERS_ANY) !== 0) {
      throw new IdentityError(
        `The identity key ${path} is open to others (mode ${octal(info.mode)}): whoever read it can pose as this node. If nobody did, run chmod 600 ${path}; otherwise delete it, and a new identity is made.`
      )
    }
    if (HAS_MODES && info.uid !== process.getuid?.()) {
      throw new IdentityError(
        `The identity key ${path} belongs to user ${info.uid}, not to you. Run as that user, or use another data folder.`
      )
    }
    if (info.size > KEY_BYTES_MAX) throw damaged(path)
    return parse(new Uint8Array(await file.readFile()), path)
  } finally {
    await file.close()
  }
}

function parse(bytes: Uint8Array, path: string): Ed25519PrivateKey {
  let key: ReturnType<typeof privateKeyFromProtobuf>
  try {
    key = privateKeyFromProtobuf(bytes)
  } catch {
    // The parser's own words could hold bytes of the key.
    throw damaged(path)
  }
  if (key.type !== 'Ed25519')
    throw new IdentityError(`The identity key ${path} is of type ${key.type}; this node takes Ed25519.`)
  return key
}

const damaged = (path: string): IdentityError =>
  new IdentityError(
    `The identity key ${path} is damaged. Restore it from a backup, or delete it for a new identity.`
  )

/**
 * Writes a new key beside its place and links it in: of two that race, one wins and both use that key, and
 * a crash leaves no half of one.
 */
async function createKey(path: string): Promise<Ed25519PrivateKey> {
  const key = await generateKeyPair('Ed25519')
  const beside = `${path}.${randomBytes(8).toString('hex')}`
  try {
    const file = await open(beside, 'wx', KEY_MODE)
    try {
      await file.writeFile(privateKeyToProtobuf(key))
      await file.sync()
    } finally {
      await file.close()
    }
    await link(beside, path)
    await syncFolder(dirname(path))
    return key
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      const winner = await readKey(path)
      if (winner !== undefined) return winner
    }
    throw new IdentityError(
      `The identity key ${path} cannot be written: ${(error as Error).message}. Use a folder that you may write in, by --data-dir.`
    )
  } finally {
    await unlink(beside).catch(() => {})
  }
}

/** Makes a new name durable. Windows cannot open a folder, and does not need to. */
async function syncFolder(folder: string): Promise<void> {
  if (!HAS_MODES) return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
