/**
 * Small media files that are real ones, written byte by byte: what a player reads is all there, only short. Each
 * follows its specification, named beside it, so that a parser has nothing to forgive.
 */

export interface MediaTags {
  readonly artist?: string
  readonly title?: string
  readonly album?: string
  readonly year?: string
  readonly genre?: string
}

const ascii = (text: string): Buffer => Buffer.from(text, 'latin1')
const u8 = (...values: number[]): Buffer => Buffer.from(values)
const be16 = (...values: number[]): Buffer =>
  Buffer.concat(values.map(value => u8((value >> 8) & 0xff, value & 0xff)))
const le16 = (value: number): Buffer => u8(value & 0xff, (value >> 8) & 0xff)
const join = (...parts: Uint8Array[]): Buffer => Buffer.concat(parts)

function be32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [place, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, 4 * place)
  return bytes
}

function le32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value >>> 0)
  return bytes
}

// MP3: MPEG-1 layer III (ISO/IEC 11172-3 2.4.1.3), ID3 2.3 and 2.4 (id3.org), ID3v1.

const FRAME_BYTES = 417
/** Frames of 128 kbit/s at 44.1 kHz, each a 1152th part of 44,100 seconds long. */
export function mpegFrames(count: number): Buffer {
  const frame = Buffer.alloc(FRAME_BYTES)
  frame.set([0xff, 0xfb, 0x90, 0x00])
  return Buffer.concat(new Array<Buffer>(count).fill(frame))
}

/** Seven bits a byte. */
const syncSafe = (value: number): Buffer =>
  u8((value >> 21) & 0x7f, (value >> 14) & 0x7f, (value >> 7) & 0x7f, value & 0x7f)

/** One frame of ID3v2. Texts are in UTF-8 where 2.4 has it, else in UTF-16 with its mark. */
export function id3Frame(version: 3 | 4, id: string, body: string | Uint8Array): Buffer {
  const text = (value: string): Buffer =>
    version === 4 ? join(u8(3), Buffer.from(value)) : join(u8(1, 0xff, 0xfe), Buffer.from(value, 'utf16le'))
  const bytes = typeof body === 'string' ? text(body) : body
  return join(ascii(id), version === 4 ? syncSafe(bytes.length) : be32(bytes.length), u8(0, 0), bytes)
}

/** `declared` is the length that the header says, where that is to be another one. */
export function id3v2(version: 3 | 4, frames: readonly Uint8Array[], declared?: number): Buffer {
  const body = join(...frames)
  return join(ascii('ID3'), u8(version, 0, 0), syncSafe(declared ?? body.length), body)
}

export function id3v1({ title = '', artist = '', album = '', year = '' }: MediaTags): Buffer {
  const field = (text: string, length: number): Buffer =>
    Buffer.alloc(length, 0).fill(ascii(text), 0, text.length)
  return join(
    ascii('TAG'),
    field(title, 30),
    field(artist, 30),
    field(album, 30),
    field(year, 4),
    Buffer.alloc(30, 0),
    // No genre of the list.
    u8(0xff)
  )
}

/** `popm` is the byte of ID3's popularimeter, 1 the worst and 255 the best. */
export function mp3(tags: MediaTags, { version = 4 as 3 | 4, frames = 40, popm = 0 } = {}): Buffer {
  const ids = {
    title: 'TIT2',
    artist: 'TPE1',
    album: 'TALB',
    year: version === 4 ? 'TDRC' : 'TYER',
    genre: 'TCON'
  }
  const texts = Object.entries(tags).map(([name, value]) =>
    id3Frame(version, ids[name as keyof MediaTags], value as string)
  )
  if (popm > 0) texts.push(id3Frame(version, 'POPM', join(ascii('ann@example.org'), u8(0, popm), be32(1))))
  return join(id3v2(version, texts), mpegFrames(frames))
}

// WAV: RIFF with the INFO list (Multimedia Programming Interface and Data Specifications 1.0, chapters 2 and 3).

function riff(id: string, body: Uint8Array): Buffer {
  return join(ascii(id), le32(body.length), body, Buffer.alloc(body.length % 2))
}

/** One channel of eight bits at 8 kHz. */
export function wav({ title, artist, album, year, genre }: MediaTags, seconds = 1): Buffer {
  const names = { INAM: title, IART: artist, IPRD: album, ICRD: year, IGNR: genre }
  const info = Object.entries(names).flatMap(([id, text]) =>
    text === undefined ? [] : [riff(id, Buffer.from(`${text}\0`))]
  )
  const format = join(le16(1), le16(1), le32(8000), le32(8000), le16(1), le16(8))
  const body = join(
    ascii('WAVE'),
    riff('fmt ', format),
    riff('LIST', join(ascii('INFO'), ...info)),
    riff('data', Buffer.alloc(8000 * seconds, 0x80))
  )
  return join(ascii('RIFF'), le32(body.length), body)
}

// FLAC (RFC 9639 8.2, 8.6) and Ogg Vorbis (RFC 3533 6, Vorbis I 4.2 and 5.2).

export function vorbisComment(tags: Readonly<Record<string, string>>): Buffer {
  const lines = Object.entries(tags).map(([name, value]) => {
    const line = Buffer.from(`${name}=${value}`)
    return join(le32(line.length), line)
  })
  return join(le32(4), ascii('test'), le32(lines.length), ...lines)
}

function commentsOf({ year, ...rest }: MediaTags): Record<string, string> {
  const named = Object.entries(rest).map(([name, value]) => [name.toUpperCase(), value])
  return { ...Object.fromEntries(named), ...(year !== undefined && { DATE: year }) }
}

/** Three seconds of two channels of 16 bits at 44.1 kHz, as its head says; of the sound itself nothing is there. */
export function flac(tags: MediaTags, more: Readonly<Record<string, string>> = {}): Buffer {
  const rate = (44_100n << 44n) | (1n << 41n) | (15n << 36n) | 132_300n
  const sound = Buffer.alloc(8)
  sound.writeBigUInt64BE(rate)
  const info = join(be16(4096, 4096), Buffer.alloc(6), sound, Buffer.alloc(16))
  const comment = vorbisComment({ ...commentsOf(tags), ...more })
  return join(
    ascii('fLaC'),
    be32(info.length),
    info,
    be32(0x84000000 + comment.length),
    comment,
    Buffer.alloc(64)
  )
}

/** CRC-32 of Ogg: 0x04c11db7, neither reflected nor inverted. */
function oggSum(bytes: Uint8Array): number {
  let sum = 0
  for (const byte of bytes) {
    sum ^= byte << 24
    for (let bit = 0; bit < 8; bit += 1) sum = sum < 0 ? (sum << 1) ^ 0x04c11db7 : sum << 1
  }
  return sum
}

function oggPage(flags: number, granule: number, sequence: number, packets: readonly Uint8Array[]): Buffer {
  const laces = packets.flatMap(({ length }) => [
    ...new Array<number>(Math.floor(length / 255)).fill(255),
    length % 255
  ])
  const head = (sum: number): Buffer =>
    join(
      ascii('OggS'),
      u8(0, flags),
      le32(granule),
      le32(0),
      le32(7),
      le32(sequence),
      le32(sum),
      u8(laces.length, ...laces)
    )
  const page = join(head(0), ...packets)
  return join(head(oggSum(page)), ...packets)
}

/** Two seconds at 44.1 kHz by its last page. */
export function ogg(tags: MediaTags): Buffer {
  const head = join(
    u8(1),
    ascii('vorbis'),
    le32(0),
    u8(2),
    le32(44_100),
    le32(0),
    le32(112_000),
    le32(0),
    u8(0xb8, 1)
  )
  const comment = join(u8(3), ascii('vorbis'), vorbisComment(commentsOf(tags)), u8(1))
  const setup = join(u8(5), ascii('vorbis'), Buffer.alloc(16))
  return join(
    oggPage(2, 0, 0, [head]),
    oggPage(0, 0, 1, [comment, setup]),
    oggPage(4, 88_200, 2, [Buffer.alloc(200)])
  )
}

// MP4: ISO/IEC 14496-12, with the item list of QuickTime's metadata.

export function atom(type: string, ...bodies: Uint8Array[]): Buffer {
  const body = join(...bodies)
  return join(be32(body.length + 8), Buffer.from(type, 'latin1'), body)
}

const fullAtom = (type: string, ...bodies: Uint8Array[]): Buffer => atom(type, be32(0), ...bodies)

function item(type: string, text: string): Buffer {
  return atom(type, atom('data', be32(1, 0), Buffer.from(text)))
}

const handler = (type: string): Buffer => fullAtom('hdlr', be32(0), ascii(type), Buffer.alloc(13))

function track(id: number, type: 'soun' | 'vide', entry: Uint8Array): Buffer {
  const tables = atom(
    'stbl',
    fullAtom('stsd', be32(1), entry),
    fullAtom('stts', be32(1, 5, 1000)),
    fullAtom('stsc', be32(1, 1, 5, 1)),
    fullAtom('stsz', be32(8, 5)),
    fullAtom('stco', be32(1, 48))
  )
  const times = fullAtom('mdhd', be32(0, 0, 1000, 5000), be16(0x55c4, 0))
  const head = fullAtom('tkhd', be32(0, 0, id, 0, 5000), Buffer.alloc(60))
  return atom('trak', head, atom('mdia', times, handler(type), atom('minf', tables)))
}

/** Five seconds of sound at 44.1 kHz, and a picture of this width and height where there is one. */
export function mp4(
  { title, artist, album, year, genre }: MediaTags,
  picture?: readonly [number, number]
): Buffer {
  const names = {
    '\u00a9nam': title,
    '\u00a9ART': artist,
    '\u00a9alb': album,
    '\u00a9day': year,
    '\u00a9gen': genre
  }
  const items = Object.entries(names).flatMap(([type, text]) =>
    text === undefined ? [] : [item(type, text)]
  )
  const sound = atom(
    'mp4a',
    Buffer.alloc(6),
    be16(1),
    Buffer.alloc(8),
    be16(2, 16, 0, 0),
    be32(44_100 * 65_536)
  )
  const [width, height] = picture ?? [0, 0]
  const film = atom('avc1', Buffer.alloc(6), be16(1), Buffer.alloc(16), be16(width, height), Buffer.alloc(50))
  const meta = fullAtom('meta', handler('mdir'), atom('ilst', ...items))
  const head = fullAtom('mvhd', be32(0, 0, 1000, 5000, 0x10000), Buffer.alloc(80))
  const tracks = [track(1, 'soun', sound), ...(picture === undefined ? [] : [track(2, 'vide', film)])]
  return join(
    atom('ftyp', ascii(picture === undefined ? 'M4A ' : 'isom'), be32(0), ascii('isommp42')),
    atom('mdat', Buffer.alloc(40)),
    atom('moov', head, ...tracks, atom('udta', meta))
  )
}

// Matroska: RFC 8794 (EBML), RFC 9559.

function ebml(id: number, body: Uint8Array): Buffer {
  const digits = id.toString(16)
  return join(
    Buffer.from(digits, 'hex'),
    u8(0x10 | ((body.length >> 24) & 0x0f)),
    be32(body.length).subarray(1),
    body
  )
}

/** Four seconds with a picture, the tags in its `Tags`. */
export function matroska({ title, artist }: MediaTags, [width, height]: readonly [number, number]): Buffer {
  const duration = Buffer.alloc(8)
  duration.writeDoubleBE(4000)
  const head = ebml(
    0x1a45dfa3,
    join(ebml(0x4282, ascii('matroska')), ebml(0x4287, u8(4)), ebml(0x4285, u8(2)))
  )
  const info = ebml(0x1549a966, join(ebml(0x2ad7b1, be32(1_000_000)), ebml(0x4489, duration)))
  const picture = ebml(0xe0, join(ebml(0xb0, be16(width)), ebml(0xba, be16(height))))
  const entry = ebml(0xae, join(ebml(0xd7, u8(1)), ebml(0x83, u8(1)), ebml(0x86, ascii('V_VP9')), picture))
  const simple = Object.entries({ TITLE: title, ARTIST: artist }).flatMap(([name, text]) =>
    text === undefined ? [] : [ebml(0x67c8, join(ebml(0x45a3, ascii(name)), ebml(0x4487, Buffer.from(text))))]
  )
  const tag = ebml(0x7373, join(ebml(0x63c0, ebml(0x68ca, u8(50))), ...simple))
  return join(head, ebml(0x18538067, join(info, ebml(0x1654ae6b, entry), ebml(0x1254c367, tag))))
}
