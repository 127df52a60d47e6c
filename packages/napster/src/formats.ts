/**
 * The published messages that this package speaks, each with its number and its fields in their order
 * (napster.txt, 2). Fields are parted by one space.
 *
 * | kind | on the wire |
 * |------|-------------|
 * | word | characters without spaces and quotes |
 * | number | decimal digits |
 * | name | in double quotes; where old programs leave them out, a word is read too |
 * | rest | everything up to the end |
 *
 * A kind with a question mark may be left out, and then all that follow are. One number may have two formats,
 * of which the one without fields is meant where there is no text: the request for what the other brings.
 * Messages of other numbers (channels, operators, server links of the tree, ignore lists) are kept as `other`.
 */

type Kind = 'word' | 'number' | 'name' | 'rest'
export type FieldKind = Kind | 'number?' | 'word?'

interface Format {
  readonly code: number
  readonly fields: Readonly<Record<string, FieldKind>>
}

const USER = { nick: 'word' } as const
const LINE = { text: 'rest' } as const
const NONE = {} as const
const FILE = { nick: 'word', name: 'name' } as const
const MEASURES = {
  md5: 'word',
  size: 'number',
  bitrate: 'number',
  frequency: 'number',
  seconds: 'number'
} as const
const ACK = { nick: 'word', ip: 'number', port: 'number', name: 'name', md5: 'word', link: 'number' } as const
const LOGIN = { nick: 'word', password: 'word', port: 'number', client: 'name', link: 'number' } as const

export const FORMATS = {
  /** An error before the login is through. */
  'login-error': { code: 0, fields: LINE },
  login: { code: 2, fields: { ...LOGIN, build: 'number?' } },
  'login-ack': { code: 3, fields: { email: 'rest' } },
  'version-check': { code: 4, fields: LINE },
  /** Told old clients to fetch a program and run it. It is read, counted, and never acted on. */
  upgrade: { code: 5, fields: LINE },
  register: { code: 6, fields: { ...LOGIN, email: 'rest' } },
  'nick-check': { code: 7, fields: USER },
  'nick-free': { code: 8, fields: NONE },
  'nick-taken': { code: 9, fields: NONE },
  'nick-bad': { code: 10, fields: NONE },
  echo: { code: 13, fields: LINE },
  share: { code: 100, fields: { name: 'name', ...MEASURES } },
  unshare: { code: 102, fields: { name: 'name' } },
  'unshare-all': { code: 110, fields: NONE },
  result: {
    code: 201,
    fields: { name: 'name', ...MEASURES, nick: 'word', ip: 'number', link: 'number', weight: 'number?' }
  },
  'search-end': { code: 202, fields: NONE },
  download: { code: 203, fields: FILE },
  'download-ack': { code: 204, fields: ACK },
  'private-message': { code: 205, fields: { nick: 'word', text: 'rest' } },
  'download-error': { code: 206, fields: FILE },
  'hotlist-add': { code: 207, fields: USER },
  hotlist: { code: 208, fields: USER },
  'sign-on': { code: 209, fields: { nick: 'word', link: 'number' } },
  'sign-off': { code: 210, fields: USER },
  browse: { code: 211, fields: USER },
  'browse-file': { code: 212, fields: { nick: 'word', name: 'name', ...MEASURES } },
  'browse-end': { code: 213, fields: { nick: 'word', ip: 'number?' } },
  'stats-request': { code: 214, fields: NONE },
  stats: { code: 214, fields: { users: 'number', files: 'number', gigabytes: 'number' } },
  resume: { code: 215, fields: { md5: 'word', size: 'number' } },
  'resume-end': { code: 217, fields: NONE },
  downloading: { code: 218, fields: NONE },
  downloaded: { code: 219, fields: NONE },
  uploading: { code: 220, fields: NONE },
  uploaded: { code: 221, fields: NONE },
  'hotlist-ack': { code: 301, fields: USER },
  'hotlist-error': { code: 302, fields: USER },
  'hotlist-remove': { code: 303, fields: USER },
  error: { code: 404, fields: LINE },
  /** Of a file whose sharer is firewalled: it is to call. */
  'push-download': { code: 500, fields: FILE },
  'push-ack': { code: 501, fields: ACK },
  speed: { code: 600, fields: USER },
  'speed-reply': { code: 601, fields: { nick: 'word', link: 'number' } },
  whois: { code: 603, fields: USER },
  'whois-reply': {
    code: 604,
    fields: {
      nick: 'word',
      level: 'name',
      seconds: 'number',
      channels: 'name',
      status: 'name',
      shared: 'number',
      downloads: 'number',
      uploads: 'number',
      link: 'number',
      client: 'name',
      // For moderators alone.
      downloadsTotal: 'number?',
      uploadsTotal: 'number?',
      ip: 'word?',
      port: 'number?',
      dataPort: 'number?',
      email: 'word?'
    }
  },
  /** Of a user who is not here: when they were, in seconds since 1970. */
  whowas: { code: 605, fields: { nick: 'word', level: 'word', seenAt: 'number' } },
  'upload-request': { code: 607, fields: { ...FILE, link: 'number?' } },
  'upload-accept': { code: 608, fields: FILE },
  'upload-refuse': { code: 609, fields: FILE },
  'queue-limit': { code: 619, fields: { ...FILE, limit: 'number' } },
  'queue-limited': { code: 620, fields: { ...FILE, size: 'number', limit: 'number' } },
  'motd-request': { code: 621, fields: NONE },
  motd: { code: 621, fields: LINE },
  'port-error': { code: 626, fields: USER },
  'link-change': { code: 700, fields: { link: 'number' } },
  'port-change': { code: 703, fields: { port: 'number' } },
  /** This connection was taken over by a newer one of the same user. */
  ghost: { code: 748, fields: NONE },
  'ping-server': { code: 750, fields: NONE },
  ping: { code: 751, fields: USER },
  pong: { code: 752, fields: USER }
} as const satisfies Readonly<Record<string, Format>>

export type TextName = keyof typeof FORMATS

interface ValueOf {
  word: string
  number: number
  name: string
  rest: string
}

type Fields<F> = {
  readonly [K in keyof F as F[K] extends Kind ? K : never]: F[K] extends Kind ? ValueOf[F[K]] : never
} & {
  readonly [K in keyof F as F[K] extends Kind ? never : K]?: F[K] extends `${infer V extends Kind}?`
    ? ValueOf[V]
    : never
}

/** A published message by its name, its fields as they are named above. */
export type TextMessage = {
  [Name in TextName]: { readonly type: Name } & Fields<(typeof FORMATS)[Name]['fields']>
}[TextName]

/** The type of a search, whose text has a grammar of its own (`wire-search.ts`). */
export const SEARCH_CODE = 200
