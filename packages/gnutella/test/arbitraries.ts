/** Messages as they may be made, for property tests and fuzzing, and bytes that went wrong on their way. */
import fc from 'fast-check'
import type {
  ByeMessage,
  ConnectMessage,
  Descriptor,
  GgepExtension,
  HitResult,
  OtherMessage,
  PingMessage,
  PongMessage,
  PushMessage,
  QueryHitMessage,
  QueryMessage,
  RouteTablePatchMessage,
  RouteTableResetMessage,
  StatusMessage
} from '../src/messages.ts'
import { TABLE_BITS_MAX } from '../src/tier-constants.ts'

const u8 = fc.integer({ min: 0, max: 0xff })
const u16 = fc.integer({ min: 0, max: 0xffff })
const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
const guid = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(bytes => Buffer.from(bytes).toString('hex'))
const header = { guid, ttl: u8, hops: u8 }
const ipv4Endpoint = { ipv4: u32, port: u16 }

/** What the wire can hold: no NUL, and no half of a surrogate pair. */
const text = (maxLength: number) =>
  fc.string({ unit: 'binary', maxLength }).map(value => value.replaceAll('\0', ''))
const bytes = (maxLength: number) =>
  fc.oneof(
    fc.uint8Array({ maxLength }),
    fc.integer({ min: 0, max: maxLength }).map(length => new Uint8Array(length)),
    fc.integer({ min: 0, max: maxLength }).map(length => new Uint8Array(length).fill(7))
  )

/** Ids that mean something here are left out: they come back in fields of their own. */
const OURS = ['SVNT.C', 'SVNT.R', 'SVNT.N', 'LF', 'H', 'u']
const ggepId = fc.oneof(
  fc.constantFrom('VC', 'UP', 'DU', 'IPP', 'SCP', 'BH', 'PUSH', 'TT', 'ALT'),
  fc
    .array(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength: 15 })
    .map(codes => String.fromCharCode(...codes))
)
const extension: fc.Arbitrary<GgepExtension> = fc
  .tuple(ggepId, bytes(700), fc.boolean())
  .filter(([id]) => !OURS.includes(id))
  .map(([id, data, deflated]) => (deflated ? { id, data, deflated: true } : { id, data }))
const ggep = fc.array(extension, { maxLength: 3 })

const multihash = fc.oneof(
  fc.uint8Array({ minLength: 36, maxLength: 36 }).map(key => Uint8Array.of(0, key.length, ...key)),
  fc.uint8Array({ minLength: 32, maxLength: 32 }).map(hash => Uint8Array.of(0x12, hash.length, ...hash))
)
const contact = fc.record({
  id: multihash,
  addresses: fc.array(fc.uint8Array({ minLength: 1, maxLength: 80 }), { maxLength: 8 })
})
const optional = <Value>(name: string, value: fc.Arbitrary<Value>) =>
  fc.option(value, { nil: undefined }).map(given => (given === undefined ? {} : { [name]: given }))

const urn = fc.oneof(
  fc.constantFrom(
    'urn:',
    'urn:sha1:',
    'urn:sha1:PLSTHIPQGSSZTS5FJUPAKUZWUGYQYPFB',
    'URN:SHA1:plsthipqgsszts5fjupakuzwugyqypfb'
  ),
  text(60).map(value => `urn:${value.replaceAll('\x1c', '')}`)
)
const urns = fc.array(urn, { maxLength: 4 })

const ping: fc.Arbitrary<PingMessage> = fc.record({ type: fc.constant('ping'), ...header, ggep })
const pong: fc.Arbitrary<PongMessage> = fc
  .tuple(
    fc.record({
      type: fc.constant('pong' as const),
      ...header,
      ...ipv4Endpoint,
      files: u32,
      kibibytes: u32,
      ggep
    }),
    optional('contact', contact)
  )
  .map(([fields, ours]) => ({ ...fields, ...ours }))
const query: fc.Arbitrary<QueryMessage> = fc.record({
  type: fc.constant('query'),
  ...header,
  flags: u16,
  text: text(120),
  urns,
  ggep: fc.array(extension, { maxLength: 2 })
})
const push: fc.Arbitrary<PushMessage> = fc
  .tuple(
    fc.record({
      type: fc.constant('push' as const),
      ...header,
      ...ipv4Endpoint,
      servent: guid,
      index: u32,
      ggep: fc.array(extension, { maxLength: 2 })
    }),
    optional('contact', contact),
    optional('nonce', fc.uint8Array({ minLength: 16, maxLength: 16 }))
  )
  .map(([fields, whom, nonce]) => ({ ...fields, ...whom, ...nonce }))
const bye: fc.Arbitrary<ByeMessage> = fc.record({
  type: fc.constant('bye'),
  ...header,
  code: u16,
  reason: text(80).map(reason => reason.replace(/[\r\n]/g, ''))
})
const other: fc.Arbitrary<OtherMessage> = fc.record({
  type: fc.constant('other'),
  ...header,
  descriptor: fc.constantFrom(0x31, 0x32, 0x77),
  payload: bytes(900)
})

const reset: fc.Arbitrary<RouteTableResetMessage> = fc.record({
  type: fc.constant('table-reset'),
  ...header,
  bits: fc.integer({ min: 1, max: TABLE_BITS_MAX }),
  infinity: u8
})
const patch: fc.Arbitrary<RouteTablePatchMessage> = fc
  .record({
    type: fc.constant('table-patch' as const),
    ...header,
    number: fc.integer({ min: 1, max: 255 }),
    more: fc.nat(254),
    compressed: fc.boolean(),
    entryBits: fc.constantFrom(1, 2, 4, 8),
    data: bytes(900)
  })
  .map(({ more, ...fields }) => ({ ...fields, count: Math.min(255, fields.number + more) }))

const size = fc.oneof(
  u32,
  fc.constantFrom(0, 0xffff_fffe, 0xffff_ffff, 0x1_0000_0000),
  fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
)
const result: fc.Arbitrary<HitResult> = fc
  .tuple(
    fc.record({ index: u32, size, name: text(60), urns, ggep: fc.array(extension, { maxLength: 2 }) }),
    optional('record', fc.uint8Array({ minLength: 1, maxLength: 600 })),
    optional('abridged', fc.uint8Array({ minLength: 1, maxLength: 300 }))
  )
  .map(([fields, record, abridged]) => ({ ...fields, ...record, ...abridged }))
const flags = fc.record(
  { push: fc.boolean(), busy: fc.boolean(), uploaded: fc.boolean(), measuredSpeed: fc.boolean() },
  { requiredKeys: [] }
)
const queryHit: fc.Arbitrary<QueryHitMessage> = fc
  .tuple(
    fc.record({
      type: fc.constant('query-hit' as const),
      ...header,
      ...ipv4Endpoint,
      speed: u32,
      results: fc.array(result, { maxLength: 5 }),
      vendor: fc.constantFrom('GTKG', 'LIME', 'SVNT', '\0\xff\0\xff'),
      flags,
      ggep,
      servent: guid
    }),
    optional('contact', contact),
    optional('proxies', fc.array(contact, { minLength: 1, maxLength: 2 })),
    optional('xml', fc.uint8Array({ minLength: 1, maxLength: 300 }))
  )
  .map(([fields, whom, proxies, xml]) => ({ ...fields, ...whom, ...proxies, ...xml }))

/** Made here: none has a payload, but those that have no other form. */
export const descriptor: fc.Arbitrary<Descriptor> = fc.oneof(
  ping,
  pong,
  query,
  queryHit,
  push,
  bye,
  reset,
  patch,
  other
)

const headerName = fc.constantFrom(
  'user-agent',
  'x-ultrapeer',
  'ggep',
  'x-try',
  'listen-ip',
  'x-max-ttl',
  'x-query-routing',
  'x-degree',
  '__proto__',
  'constructor',
  'q!$%'
)
const headerValue = text(60).map(value => value.replace(/[\0-\x1f\x7f]/g, '').trim())
const headers = fc
  .array(fc.tuple(headerName, headerValue), { maxLength: 6 })
  .map(entries => Object.fromEntries(entries))
export const connect: fc.Arbitrary<ConnectMessage> = fc.record({ type: fc.constant('connect'), headers })
const statusOf = (status: fc.Arbitrary<number>): fc.Arbitrary<StatusMessage> =>
  fc.record({ type: fc.constant('status'), status, reason: headerValue, headers })
export const accepted = statusOf(fc.constant(200))
export const refused = statusOf(fc.integer({ min: 201, max: 999 }))

/** Where a stream is cut: as fractions, so that they shrink. */
export const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 })

export function cutUp(stream: Uint8Array, at: readonly number[]): Uint8Array[] {
  const places = [
    0,
    ...at.map(fraction => Math.floor(fraction * stream.length)).sort((a, b) => a - b),
    stream.length
  ]
  return places.slice(1).map((place, index) => stream.subarray(places[index], place))
}

/** One thing that goes wrong with bytes. */
export const mutation = fc.oneof(
  fc.record({ type: fc.constant('set' as const), at: fc.nat(), value: u8 }),
  fc.record({ type: fc.constant('flip' as const), at: fc.nat(), bit: fc.integer({ min: 0, max: 7 }) }),
  fc.record({
    type: fc.constant('insert' as const),
    at: fc.nat(),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 8 })
  }),
  fc.record({ type: fc.constant('remove' as const), at: fc.nat(), length: fc.integer({ min: 1, max: 8 }) }),
  fc.record({ type: fc.constant('repeat' as const), at: fc.nat(), length: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ type: fc.constant('cut' as const), at: fc.nat() })
)
export type Mutation = typeof mutation extends fc.Arbitrary<infer Value> ? Value : never

export function mutate(stream: Uint8Array, mutations: readonly Mutation[]): Uint8Array {
  let bytes = [...stream]
  for (const change of mutations) {
    const at = change.at % Math.max(1, bytes.length)
    if (change.type === 'set') bytes[at] = change.value
    else if (change.type === 'flip') bytes[at] = (bytes[at] ?? 0) ^ (1 << change.bit)
    else if (change.type === 'insert') bytes.splice(at, 0, ...change.bytes)
    else if (change.type === 'remove') bytes.splice(at, change.length)
    else if (change.type === 'repeat') bytes.splice(at, 0, ...bytes.slice(at, at + change.length))
    else bytes = bytes.slice(0, at)
  }
  return Uint8Array.from(bytes)
}
