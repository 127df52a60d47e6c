/** The last step of a download: a name of its own, on file systems with hard links and without. */
import { readdirSync, writeFileSync } from 'node:fs'
import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { place } from '../src/place.ts'
import { Desk } from './helpers/desk.ts'

const { linkError } = vi.hoisted(() => ({ linkError: { code: '' } }))
vi.mock('node:fs/promises', async importOriginal => {
  const original = await importOriginal<typeof fs>()
  return {
    ...original,
    link: async (from: string, to: string) => {
      if (linkError.code !== '') throw Object.assign(new Error('link'), { code: linkError.code })
      return original.link(from, to)
    }
  }
})

let desk: Desk
let from: string
beforeEach(async () => {
  desk = await Desk.make()
  await fs.mkdir(desk.folder)
  from = join(desk.root, 'whole.part')
  await fs.writeFile(from, 'new')
})
afterEach(async () => {
  linkError.code = ''
  await desk.remove()
})

describe.each(['', 'EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK'])('where a hard link gives "%s"', code => {
  beforeEach(() => {
    linkError.code = code
  })

  test('the file moves, and each path is told before it is tried', async () => {
    const chosen: string[] = []
    expect(await place(from, desk.folder, 'a.txt', path => chosen.push(path))).toBe(
      join(desk.folder, 'a.txt')
    )
    expect(chosen).toEqual([join(desk.folder, 'a.txt')])
    expect(await fs.readFile(join(desk.folder, 'a.txt'), 'utf8')).toBe('new')
    expect(await fs.readdir(desk.root)).toEqual(['downloads'])
  })

  test('no file that is there is replaced, nor one that appears at the last moment, nor a broken link', async () => {
    await fs.writeFile(join(desk.folder, 'a.txt'), 'old')
    await fs.symlink('/nowhere', join(desk.folder, 'a (1).txt'))
    const path = await place(from, desk.folder, 'a.txt', path => {
      if (path.endsWith('(2).txt')) writeFileSync(path, 'sudden')
    })
    expect(path).toBe(join(desk.folder, 'a (3).txt'))
    expect(await fs.readFile(join(desk.folder, 'a.txt'), 'utf8')).toBe('old')
    expect(await fs.readFile(join(desk.folder, 'a (2).txt'), 'utf8')).toBe('sudden')
  })
})

test('linked already by a run that was killed: the path is told before the old name is gone', async () => {
  await fs.link(from, join(desk.folder, 'a.txt'))
  const standing: string[][] = []
  const path = await place(from, desk.folder, 'a.txt', path =>
    standing.push([path, ...readdirSync(desk.root)])
  )
  expect(path).toBe(join(desk.folder, 'a.txt'))
  expect(standing).toEqual([[path, 'downloads', 'whole.part']])
  expect(await fs.readdir(desk.root)).toEqual(['downloads'])
})

test('another error of the disk is no reason to try less', async () => {
  linkError.code = 'EIO'
  await expect(place(from, desk.folder, 'a.txt', () => {})).rejects.toMatchObject({ code: 'EIO' })
  expect(await fs.readFile(from, 'utf8')).toBe('new')
  expect(await fs.readdir(desk.folder)).toEqual([])
})
