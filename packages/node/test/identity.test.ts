import { chmod, mkdir, mkdtemp, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateKeyPair, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { beforeEach, describe, expect, test } from 'vitest'
import { IDENTITY_FILE, prepareDataFolder } from '../src/folders.ts'
import { loadIdentity } from '../src/identity.ts'

let folder: string
let path: string
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'servent-identity-')), 'data')
  await prepareDataFolder(folder)
  path = join(folder, IDENTITY_FILE)
})

const mode = async (of: string): Promise<number> => (await stat(of)).mode & 0o777

test('the first start makes a key for the user alone, and the next one reads it', async () => {
  const first = await loadIdentity(folder)
  expect(await mode(folder)).toBe(0o700)
  expect(await mode(path)).toBe(0o600)
  expect(await readFile(path)).toEqual(Buffer.from(privateKeyToProtobuf(first)))
  expect((await loadIdentity(folder)).equals(first)).toBe(true)
})

test('a wide umask changes nothing', async () => {
  const before = process.umask(0)
  try {
    await prepareDataFolder(join(folder, 'inner'))
    await loadIdentity(join(folder, 'inner'))
  } finally {
    process.umask(before)
  }
  expect(await mode(join(folder, 'inner'))).toBe(0o700)
  expect(await mode(join(folder, 'inner', IDENTITY_FILE))).toBe(0o600)
})

test('folders above the data folder are made, too, and many may make them at once', async () => {
  const inner = join(folder, 'one', 'two', 'three')
  await Promise.all(Array.from({ length: 5 }, () => prepareDataFolder(inner)))
  for (const path of [inner, join(inner, '..'), join(inner, '../..')]) expect(await mode(path)).toBe(0o700)
  await writeFile(join(folder, 'file'), '')
  await expect(prepareDataFolder(join(folder, 'file'))).rejects.toMatchObject({ code: 'EEXIST' })
  await expect(prepareDataFolder(join(folder, 'file/in'))).rejects.toMatchObject({ code: 'ENOTDIR' })
})

test.runIf(process.platform === 'linux')(
  'one in /proc is refused, and soon',
  async () => {
    for (const path of ['/proc/none', '/proc/none/within'])
      await expect(prepareDataFolder(path)).rejects.toMatchObject({ code: 'ENOENT' })
  },
  5000
)

test('of many that start at once, all use one key, and nothing else is left behind', async () => {
  const keys = await Promise.all(Array.from({ length: 20 }, () => loadIdentity(folder)))
  expect(new Set(keys.map(key => Buffer.from(key.raw).toString('hex'))).size).toBe(1)
  expect(await readdir(folder)).toEqual([IDENTITY_FILE])
})

describe('refused with a sentence', () => {
  test.each([0o640, 0o604, 0o620, 0o644, 0o666])('a key of mode %o', async wide => {
    await loadIdentity(folder)
    await chmod(path, wide)
    await expect(loadIdentity(folder)).rejects.toThrow(
      `(mode 0${wide.toString(8)}): whoever read it can pose as this node`
    )
    await chmod(path, 0o600)
    await expect(loadIdentity(folder)).resolves.toBeDefined()
  })

  test('a link in the key’s place', async () => {
    await loadIdentity(folder)
    await rename(path, join(folder, 'elsewhere'))
    await symlink(join(folder, 'elsewhere'), path)
    await expect(loadIdentity(folder)).rejects.toThrow('it is a symbolic link')
  })

  test('a folder in the key’s place', async () => {
    await mkdir(path)
    await expect(loadIdentity(folder)).rejects.toThrow('is no file')
  })

  test.each([0, 1, 1024, 1025])('%d bytes that are no key, without a word of what they are', async length => {
    await writeFile(path, 'k'.repeat(length), { mode: 0o600 })
    const error = await loadIdentity(folder).catch(error => error)
    expect(error.name).toBe('IdentityError')
    expect(error.message).toBe(
      `The identity key ${path} is damaged. Restore it from a backup, or delete it for a new identity.`
    )
  })

  test('a key of another kind', async () => {
    await writeFile(path, privateKeyToProtobuf(await generateKeyPair('secp256k1')), { mode: 0o600 })
    await expect(loadIdentity(folder)).rejects.toThrow('of type secp256k1; this node takes Ed25519')
  })

  test('a data folder in which others can write', async () => {
    await writeFile(join(folder, 'something'), '')
    await chmod(folder, 0o775)
    await expect(prepareDataFolder(folder)).rejects.toThrow('can be written by others (mode 0775)')
  })
})

test('an empty folder that was there is taken over; one with content that others may read keeps its mode', async () => {
  await chmod(folder, 0o777)
  await prepareDataFolder(folder)
  expect(await mode(folder)).toBe(0o700)
  await writeFile(join(folder, 'something'), '')
  await chmod(folder, 0o755)
  await prepareDataFolder(folder)
  expect(await mode(folder)).toBe(0o755)
})
