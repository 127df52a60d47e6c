/** What a peer can ask the file server for, and what it answers: transcripts on real sockets. */
import { HASH_BYTES, layerCount, verifyHashes } from '@servent/overlay'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FileServer } from '../src/index.ts'
import { sha1Urn } from '../src/request-target.ts'
import { Asker } from './helpers/ask.ts'
import { randomBytes, sha256, TestShare } from './helpers/share.ts'

const bytes = randomBytes(2_500_000)
const text = Buffer.from('hello, peers')

let share: TestShare
let server: FileServer
let asker: Asker

beforeEach(async () => {
  share = new TestShare()
  server = new FileServer({ catalogue: share, blocks: share })
  asker = await Asker.connect(server)
})
afterEach(async () => {
  asker.close()
  await server.stop()
})

describe('by content id', () => {
  test('the whole file, with what is known of it', async () => {
    const file = share.add('große Datei (1).bin', bytes, { type: 'audio/flac' })
    const { status, headers, body } = await asker.ask(`/ipfs/${file.id}`)
    expect(status).toBe(200)
    expect(body.equals(bytes)).toBe(true)
    expect(headers).toMatchObject({
      'content-type': 'audio/flac',
      'content-length': '2500000',
      'accept-ranges': 'bytes',
      etag: `"${file.id}"`,
      'x-servent-size': '2500000',
      'x-gnutella-content-urn': sha1Urn(file.sha1),
      'x-content-type-options': 'nosniff',
      'content-disposition': "attachment; filename*=UTF-8''gro%C3%9Fe%20Datei%20%281%29.bin"
    })
  })

  test('?format=raw is the same, and no other format is given', async () => {
    const file = share.add('a.txt', text)
    expect((await asker.ask(`/ipfs/${file.id}?format=raw`)).body.equals(text)).toBe(true)
    expect((await asker.ask(`/ipfs/${file.id}?format=car`)).status).toBe(406)
  })

  test('HEAD gives the head alone, and the connection goes on', async () => {
    const file = share.add('a.txt', text)
    const head = await asker.ask(`/ipfs/${file.id}`, { range: 'bytes=2-3' }, 'HEAD')
    expect(head).toMatchObject({ status: 200, headers: { 'content-length': '12' } })
    expect(head.body).toHaveLength(0)
    const { localPort } = asker.socket
    expect((await asker.ask(`/ipfs/${file.id}`)).body.equals(text)).toBe(true)
    expect(asker.socket.localPort).toBe(localPort)
  })

  test('an empty file', async () => {
    const file = share.add('empty', new Uint8Array())
    expect(await asker.ask(`/ipfs/${file.id}`)).toMatchObject({
      status: 200,
      headers: { 'content-length': '0' }
    })
    expect((await asker.ask(`/ipfs/${file.id}`, { range: 'bytes=0-' })).status).toBe(416)
    expect((await asker.ask(`/ipfs/${file.id}`, { range: 'bytes=-5' })).status).toBe(200)
  })

  test('what is not shared, and what is no id', async () => {
    const file = new TestShare().add('elsewhere', text)
    expect((await asker.ask(`/ipfs/${file.id}`)).status).toBe(404)
    expect((await asker.ask('/ipfs/nonsense')).status).toBe(400)
    expect((await asker.ask('/')).status).toBe(404)
    expect((await asker.ask('/../../etc/passwd')).status).toBe(404)
  })
})

describe('by Gnutella’s names', () => {
  test('by index and name, which must match', async () => {
    const file = share.add('Für Elise #1?.mid', text)
    const name = encodeURIComponent(file.name)
    expect((await asker.ask(`/get/${file.index}/${name}`)).body.equals(text)).toBe(true)
    expect((await asker.ask(`/get/${file.index}/other.mid`)).status).toBe(404)
    expect((await asker.ask(`/get/9/${name}`)).status).toBe(404)
    expect((await asker.ask(`/get/4294967295/${name}`)).status).toBe(404)
    expect((await asker.ask(`/get/4294967296/${name}`)).status).toBe(404)
    expect((await asker.ask('/get/x/y')).status).toBe(400)
    expect((await asker.ask('/get/1/%ff')).status).toBe(400)
  })

  test('by urn:sha1 and by urn:cid, in any case of letters', async () => {
    const file = share.add('a.txt', text)
    const urn = sha1Urn(file.sha1)
    expect(urn).toMatch(/^urn:sha1:[A-Z2-7]{32}$/)
    for (const name of [urn, urn.toLowerCase(), `URN:SHA1:${urn.slice(9)}`, `urn:cid:${file.id}`]) {
      expect((await asker.ask(`/uri-res/N2R?${name}`)).body.equals(text)).toBe(true)
    }
    expect((await asker.ask(`/uri-res/N2R?${urn.slice(0, -1)}`)).status).toBe(400)
    expect((await asker.ask(`/uri-res/N2R?urn:sha1:${'A'.repeat(32)}`)).status).toBe(404)
    expect((await asker.ask('/uri-res/N2R?urn:md5:00')).status).toBe(404)
  })

  test('HUGE’s example of base32: 0F F5 … is B72Q…', () => {
    expect(sha1Urn(Uint8Array.of(0x0f, 0xf5)).slice(9)).toBe('B72Q')
  })
})

describe('ranges', () => {
  test.each([
    ['bytes=0-0', 206, 0, 1],
    ['bytes=0-', 206, 0, 2_500_000],
    ['bytes=1048570-1048580', 206, 1_048_570, 1_048_581],
    ['bytes=2499999-', 206, 2_499_999, 2_500_000],
    ['bytes=2499999-9999999', 206, 2_499_999, 2_500_000],
    ['bytes=-7', 206, 2_499_993, 2_500_000],
    ['bytes=-9999999', 206, 0, 2_500_000],
    ['BYTES= 5-6', 206, 5, 7],
    ['bytes=5-99999999999999999999', 206, 5, 2_500_000],
    ['bytes=0-1,5-6', 200, 0, 2_500_000],
    ['bytes=5-4', 200, 0, 2_500_000],
    ['bytes=-', 200, 0, 2_500_000],
    ['lines=1-2', 200, 0, 2_500_000],
    ['bytes=x', 200, 0, 2_500_000]
  ])('%s is answered %i', async (range, status, start, end) => {
    const file = share.add('a.bin', bytes)
    const answer = await asker.ask(`/ipfs/${file.id}`, { range })
    expect(answer.status).toBe(status)
    expect(answer.body.equals(bytes.subarray(start, end))).toBe(true)
    const range206 = `bytes ${start}-${end - 1}/2500000`
    expect(answer.headers['content-range']).toBe(status === 206 ? range206 : undefined)
  })

  test.each(['bytes=2500000-', 'bytes=-0', 'bytes=99999999999999999999-'])(
    '%s cannot be met',
    async range => {
      const file = share.add('a.bin', bytes)
      const answer = await asker.ask(`/ipfs/${file.id}`, { range })
      expect(answer).toMatchObject({ status: 416, headers: { 'content-range': 'bytes */2500000' } })
    }
  )

  test('If-Range with the id’s tag gives the part, with another the whole', async () => {
    const file = share.add('a.txt', text)
    const range = 'bytes=0-4'
    expect((await asker.ask(`/ipfs/${file.id}`, { range, 'if-range': `"${file.id}"` })).body.toString()).toBe(
      'hello'
    )
    expect((await asker.ask(`/ipfs/${file.id}`, { range, 'if-range': '"x"' })).status).toBe(200)
    // A weak tag never matches for ranges (13.1.5).
    expect((await asker.ask(`/ipfs/${file.id}`, { range, 'if-range': `W/"${file.id}"` })).status).toBe(200)
  })

  test('If-None-Match with the id’s tag gives nothing again', async () => {
    const file = share.add('a.txt', text)
    const answer = await asker.ask(`/ipfs/${file.id}`, { 'if-none-match': `"x", W/"${file.id}"` })
    expect(answer.status).toBe(304)
    expect(answer.body).toHaveLength(0)
  })
})

describe('what it does not do', () => {
  test('methods that write', async () => {
    expect(await asker.ask('/ipfs/x', {}, 'PUT')).toMatchObject({
      status: 405,
      headers: { allow: 'GET, HEAD' }
    })
  })

  test('bodies', async () => {
    const file = share.add('a.txt', text)
    expect((await asker.ask(`/ipfs/${file.id}`, { 'content-length': '4' }, 'GET', 'body')).status).toBe(413)
  })

  test('a body that waits for 100 Continue', async () => {
    const headers = { expect: '100-continue', 'content-length': '4' }
    expect((await asker.ask('/ipfs/x', headers, 'GET', 'body')).status).toBe(413)
  })
})

describe('files that change', () => {
  test('before the answer: 410, and nothing of it', async () => {
    const file = share.add('a.bin', bytes)
    share.changed.add(file.id.toString())
    expect(await asker.ask(`/ipfs/${file.id}`)).toMatchObject({ status: 410 })
    expect(await asker.ask(`/servent/hashes/${file.id}?height=6&index=0&count=2`)).toMatchObject({
      status: 410
    })
  })

  test('under way: the answer is cut, and only right bytes were given', async () => {
    const file = share.add('a.bin', bytes)
    share.beforeRead = offset => {
      if (offset > 1_000_000) share.changed.add(file.id.toString())
    }
    await expect(asker.ask(`/ipfs/${file.id}`)).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(share.openReaders).toBe(0)
  })

  test('gone between the catalogue and the disk: 404', async () => {
    const file = share.add('a.bin', bytes)
    const { get } = share
    share.get = async id => {
      const found = await get.call(share, id)
      share.remove(id)
      return found
    }
    expect((await asker.ask(`/ipfs/${file.id}`)).status).toBe(404)
    expect(server.uploads()).toEqual([])
  })
})

describe('hashes', () => {
  test('HEAD tells how long the answer would be, and none is made', async () => {
    const file = share.add('a.bin', bytes)
    const path = `/servent/hashes/${file.id}?height=6&index=0&count=2`
    const { body } = await asker.ask(path)
    let opened = 0
    const open = share.open.bind(share)
    share.open = id => {
      opened += 1
      return open(id)
    }
    const head = await asker.ask(path, {}, 'HEAD')
    expect(head).toMatchObject({ status: 200, headers: { 'content-length': `${body.length}` } })
    expect(head.body).toHaveLength(0)
    expect(opened).toBe(0)
    expect((await asker.ask(path)).body.equals(body)).toBe(true)
    expect(opened).toBe(1)
  })

  test('the whole layer of a small tree needs no proof', async () => {
    const file = share.add('a.bin', bytes)
    const answer = await asker.ask(`/servent/hashes/${file.id}?height=6&index=0&count=4`)
    expect(answer).toMatchObject({
      status: 200,
      headers: { 'x-servent-size': '2500000', 'content-length': '128' }
    })
    const run = { root: file.id.digest, size: file.size, height: 6, index: 0, count: 4 }
    expect(verifyHashes({ ...run, hashes: answer.body, proof: new Uint8Array() }, sha256)).toBe(true)
  })

  test('a part comes with its uncles, and padding past the end', async () => {
    const file = share.add('a.bin', randomBytes(9_000_001))
    expect(layerCount(file.size)).toBe(9)
    for (const index of [0, 2, 8, 10]) {
      const answer = await asker.ask(`/servent/hashes/${file.id}?height=6&index=${index}&count=2`)
      const hashes = answer.body.subarray(0, 2 * HASH_BYTES)
      const proof = answer.body.subarray(2 * HASH_BYTES)
      expect(proof).toHaveLength(3 * HASH_BYTES)
      const run = { root: file.id.digest, size: file.size, height: 6, index, count: 2 }
      expect(verifyHashes({ ...run, hashes, proof }, sha256)).toBe(true)
    }
  })

  test.each([
    'height=6&index=0&count=3',
    'height=6&index=1&count=2',
    'height=6&index=0&count=8',
    'height=6&index=4&count=4',
    'height=99&index=0&count=1',
    'height=6&index=0&count=0',
    'height=6&index=0',
    'height=-1&index=0&count=1',
    'height=6&index=1e0&count=1'
  ])('no such hashes: %s', async query => {
    const file = share.add('a.bin', bytes)
    expect((await asker.ask(`/servent/hashes/${file.id}?${query}`)).status).toBe(400)
  })

  test('a file of one block has no tree, so the 64 bytes below a root cannot be asked for', async () => {
    const file = share.add('a.txt', text)
    expect((await asker.ask(`/servent/hashes/${file.id}?height=0&index=0&count=1`)).status).toBe(400)
  })
})
