/** The bearer token of the local API: a file that only its owner may read. Never an argument, never logged. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { open, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ProblemError } from '../problem.ts'

/** 256 bits from the system's generator. */
const TOKEN_BYTES = 32
const TOKEN_MODE = 0o600
const TOKEN_FORM = /^[A-Za-z0-9_-]{43}$/
const FILE_NAME = 'api.token'

export const tokenFile = (dataDir: string): string => join(dataDir, FILE_NAME)

/**
 * The token of this data folder, made at the first call.
 *
 * @throws ProblemError  others can read the file, or it holds no token
 */
export async function readOrMakeToken(dataDir: string): Promise<string> {
  const path = tokenFile(dataDir)
  try {
    // `wx` refuses a file, and a link, that somebody else put there first.
    const file = await open(path, 'wx', TOKEN_MODE)
    try {
      const token = randomBytes(TOKEN_BYTES).toString('base64url')
      await file.writeFile(`${token}\n`)
      await file.sync()
      return token
    } finally {
      await file.close()
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return readToken(dataDir)
}

/** @throws ProblemError  others can read the file, or it holds no token */
export async function readToken(dataDir: string): Promise<string> {
  const path = tokenFile(dataDir)
  const { mode } = await stat(path)
  // Windows keeps no such modes: there the folder's own access list stands.
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw new ProblemError({
      code: 'not-allowed',
      message: `The API's token ${path} can be read by others (mode ${(mode & 0o777).toString(8)}).`,
      why: 'whoever reads it commands this node',
      try: `delete it and start the node again, which makes a new one: rm ${path}`
    })
  }
  const token = (await readFile(path, 'utf8')).trim()
  if (!TOKEN_FORM.test(token)) {
    throw new ProblemError({
      code: 'failed',
      message: `${path} holds no token.`,
      why: 'it was cut short or written by something else',
      try: `delete it and start the node again, which makes a new one: rm ${path}`
    })
  }
  return token
}

/** Whether a header `Authorization` carries the token. Takes the same time whatever is wrong with it. */
export function isAuthorized(header: string | undefined, token: string): boolean {
  const given = /^Bearer ([\x21-\x7e]+)$/i.exec(header ?? '')?.[1] ?? ''
  // Hashes have one length, which the comparison needs, and tell nothing about the token's.
  const hash = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(hash(given), hash(token))
}
