import { mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { CHORD_SETTINGS, type ChordSettings, SUCCESSORS_MAX, VIRTUAL_NODES_MAX } from '@servent/chord/machine'
import * as fasttrack from '@servent/fasttrack/machine'
import * as gnutella from '@servent/gnutella/machine'
import * as kelips from '@servent/kelips/machine'
import { PERIOD_MS_MAX, REPLICAS_MAX } from '@servent/key-routing/machine'
import * as napster from '@servent/napster/machine'
import * as pastry from '@servent/pastry/machine'
import fc from 'fast-check'
import { Check } from 'typebox/value'
import { describe, expect, test } from 'vitest'
import { allows } from '../src/config-values.ts'
import { type ConfigInput, endpointOf, folders, loadConfig, SETTINGS } from '../src/index.ts'
import { BROWSE_ROWS_MAX, HOTLIST_MAX, RANK_MS_MAX, RANKED_HOSTS_MAX } from '../src/people-limits.ts'

const env = {}

async function file(text: string): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), 'servent-config-')), 'config.toml')
  await writeFile(path, text)
  return path
}

async function refusal(input: ConfigInput): Promise<string> {
  try {
    await loadConfig({ env, ...input })
  } catch (error) {
    expect((error as Error).name).toBe('ConfigError')
    return (error as Error).message
  }
  throw new Error('Nothing was refused.')
}

describe('defaults', () => {
  test('are those that scripts may rely on', async () => {
    const { config, sources, warnings } = await loadConfig({ env, configFile: await file('') })
    expect(config).toMatchObject({
      listen: ['/ip4/0.0.0.0/tcp/6346', '/ip6/::/tcp/6346'],
      overlays: ['gnutella', 'chord'],
      discovery: ['mdns', 'bootstrap'],
      api: '127.0.0.1:6347',
      relay: 'use',
      noInbound: false,
      maxConnections: 200,
      downloadDir: join(homedir(), 'Downloads', 'servent')
    })
    expect(warnings).toEqual([])
    expect(new Set(sources.values())).toEqual(new Set(['default']))
  })

  test('pass their own checks', async () => {
    const flags = Object.fromEntries(SETTINGS.map(setting => [setting.key, setting.default as never]))
    await expect(loadConfig({ env, flags })).resolves.toBeDefined()
  })

  test('and bounds of an overlay are its own', async () => {
    const { config } = await loadConfig({ env, configFile: await file('') })
    const { lookups, publishRate: _, ...chord } = config.chord
    expect({ ...chord, style: lookups }).toEqual(
      Object.fromEntries(
        [...Object.keys(chord), 'style'].map(name => [name, CHORD_SETTINGS[name as keyof ChordSettings]])
      )
    )
    const maximum = (key: string) => SETTINGS.find(setting => setting.key === `chord.${key}`)!.schema.maximum
    expect(maximum('successors')).toBe(SUCCESSORS_MAX)
    expect(maximum('virtual-nodes')).toBe(VIRTUAL_NODES_MAX)
    expect(maximum('replicas')).toBe(REPLICAS_MAX + 1)
    expect([maximum('stabilise-ms'), maximum('merge-ms')]).toEqual([PERIOD_MS_MAX, PERIOD_MS_MAX])
  })

  test('and those of Pastry', async () => {
    const { config } = await loadConfig({ env, configFile: await file('') })
    const { lookups, publishRate, ...own } = config.pastry
    expect({ ...own, style: lookups }).toEqual(
      Object.fromEntries(
        [...Object.keys(own), 'style'].map(name => [
          name,
          pastry.PASTRY_SETTINGS[name as keyof pastry.PastrySettings]
        ])
      )
    )
    expect(publishRate).toBe(config.chord.publishRate)
    const maximum = (key: string) => SETTINGS.find(setting => setting.key === `pastry.${key}`)!.schema.maximum
    expect(maximum('leaf-set')).toBe(pastry.LEAF_SET_MAX)
    expect(maximum('neighbourhood')).toBe(pastry.NEIGHBOURHOOD_MAX)
    // As many as have all the others among their leaves.
    expect(maximum('replicas')).toBe(pastry.LEAF_SET_MAX / 2 + 1)
    expect(maximum('heartbeat-ms')).toBe(PERIOD_MS_MAX)
  })

  test('and those of Kelips are its own', async () => {
    const { config } = await loadConfig({ env, configFile: await file('') })
    const { groups, gossipRate, publishRate: _, ...settings } = config.kelips
    const own = { ...settings, groups: groups === 0 ? undefined : groups, gossipBytesPerS: gossipRate }
    expect(own).toEqual(
      Object.fromEntries(
        Object.keys(own).map(name => [name, kelips.KELIPS_SETTINGS[name as keyof kelips.KelipsSettings]])
      )
    )
    const range = (key: string) => {
      const { minimum, maximum } = SETTINGS.find(setting => setting.key === `kelips.${key}`)!.schema
      return [minimum, maximum]
    }
    expect(range('groups')).toEqual([0, 2 ** kelips.LEVEL_MAX])
    expect(range('contacts')).toEqual([1, kelips.CONTACTS_MAX])
    expect(range('replicas')).toEqual([1, kelips.REPLICAS_MOST])
    expect(range('targets')).toEqual([1, kelips.TARGETS_MAX])
    expect(range('contact-targets')).toEqual([0, kelips.TARGETS_MAX])
    expect(range('gossip-rate')).toEqual([kelips.GOSSIP_BYTES_PER_S_LEAST, kelips.GOSSIP_BYTES_PER_S_MOST])
  })

  test('and bounds of the others are theirs', () => {
    const schema = (key: string) => SETTINGS.find(setting => setting.key === key)!.schema
    expect(schema('napster.nick').maxLength).toBe(napster.NICK_CHARACTERS_MAX)
    expect(schema('napster.link-speed')).toMatchObject({ minimum: 0, maximum: napster.LINK_SPEED_MAX })
    expect(schema('napster.users')).toMatchObject({
      minimum: 1,
      maximum: napster.USERS_MAX,
      default: napster.USERS_DEFAULT
    })
    expect(schema('napster.users-per-address')).toMatchObject({
      minimum: 1,
      maximum: napster.USERS_MAX,
      default: napster.USERS_PER_ADDRESS_DEFAULT
    })
    expect(schema('fasttrack.ordinaries-per-supernode')).toMatchObject({
      minimum: fasttrack.ORDINARIES_PER_SUPERNODE_MIN,
      maximum: fasttrack.ORDINARIES_PER_SUPERNODE_MAX,
      default: fasttrack.ORDINARIES_PER_SUPERNODE
    })
    expect(schema('fasttrack.rounds')).toMatchObject({
      minimum: 1,
      maximum: fasttrack.ROUNDS_MAX,
      default: 3
    })
    expect(schema('fasttrack.rounds').description).toContain(`fewer than ${fasttrack.SEARCH_ENOUGH} files`)
    // As kad-dht has them: a test of the overlay says so.
    const kademlia = ['k', 'alpha', 'disjoint-paths'].map(key => schema(`kademlia.${key}`).default)
    expect(kademlia).toEqual([20, 10, 10])
    expect(schema('gnutella.neighbours')).toMatchObject({
      maximum: gnutella.NEIGHBOURS_MAX,
      default: 0
    })
    expect({ HOTLIST_MAX, BROWSE_ROWS_MAX, RANKED_HOSTS_MAX, RANK_MS_MAX }).toEqual({
      HOTLIST_MAX: napster.HOTLIST_MAX,
      BROWSE_ROWS_MAX: napster.SHARED_MAX,
      RANKED_HOSTS_MAX: napster.PINGS_MAX,
      RANK_MS_MAX: napster.PING_MS
    })
  })

  test('a data folder holds all that its node writes', async () => {
    const { config } = await loadConfig({ env, dataDir: '/tmp/one' })
    expect(config).toMatchObject({
      dataDir: '/tmp/one',
      stateDir: '/tmp/one/log',
      downloadDir: '/tmp/one/downloads'
    })
  })
})

describe('precedence', () => {
  test('default < file < environment < flag, setting by setting', async () => {
    const { config, sources } = await loadConfig({
      configFile: await file('max-connections = 11\nmax-upload-rate = 12\nmax-download-rate = 13\n'),
      env: { SERVENT_MAX_UPLOAD_RATE: '22', SERVENT_MAX_DOWNLOAD_RATE: '23' },
      flags: { maxDownloadRate: '33' }
    })
    expect(config).toMatchObject({ maxConnections: 11, maxUploadRate: 22, maxDownloadRate: 33, relay: 'use' })
    expect(sources.get('max-connections')).toMatch(/config\.toml line 1$/)
    expect(sources.get('max-upload-rate')).toBe('SERVENT_MAX_UPLOAD_RATE')
    expect(sources.get('max-download-rate')).toBe('--max-download-rate')
    expect(sources.get('relay')).toBe('default')
  })

  test('a table of the file, its variable, and --set over both', async () => {
    const configFile = await file('[gnutella]\nneighbours = 2\nttl = 3\n')
    const { config } = await loadConfig({
      configFile,
      env: { SERVENT_GNUTELLA_TTL: '4' },
      set: ['gnutella.ttl=5']
    })
    expect(config.gnutella).toEqual({ role: 'auto', neighbours: 2, ttl: 5 })
  })

  test('lists: repeated, parted by commas, and camel case in the file', async () => {
    const { config } = await loadConfig({
      configFile: await file('downloadDir = "/tmp/there"\n'),
      env: { SERVENT_DISCOVERY: 'bootstrap, kad' },
      flags: { listen: ['/ip4/127.0.0.1/tcp/0', '/ip6/::1/tcp/0,/ip4/127.0.0.1/tcp/1'] }
    })
    expect(config.discovery).toEqual(['bootstrap', 'kad'])
    expect(config.listen).toEqual(['/ip4/127.0.0.1/tcp/0', '/ip6/::1/tcp/0', '/ip4/127.0.0.1/tcp/1'])
    expect(config.downloadDir).toBe('/tmp/there')
  })

  test('the data folder and the file are named by variables, too', async () => {
    const SERVENT_CONFIG = await file('relay = "off"')
    const { config, configFile } = await loadConfig({ env: { SERVENT_DATA_DIR: '/tmp/two', SERVENT_CONFIG } })
    expect([config.dataDir, config.relay, configFile]).toEqual(['/tmp/two', 'off', SERVENT_CONFIG])
  })
})

describe('refusals name the key, who set it, what is allowed and what to try', () => {
  test('a number out of range, at its limits and one past them', async () => {
    for (const neighbours of [0, 64]) {
      const { config } = await loadConfig({ env, set: [`gnutella.neighbours=${neighbours}`] })
      expect(config.gnutella.neighbours).toBe(neighbours)
    }
    for (const neighbours of [-1, 65]) {
      expect(await refusal({ set: [`gnutella.neighbours=${neighbours}`] })).toBe(
        `gnutella.neighbours takes a whole number from 0 to 64, and --set gnutella.neighbours=${neighbours} says ${neighbours}. Its default is 0.`
      )
    }
  })

  test.each([
    ['successors', 1, 32],
    ['replicas', 1, 17],
    ['virtual-nodes', 1, 32],
    ['stabilise-ms', 100, 86_400_000],
    ['fix-fingers-ms', 100, 86_400_000],
    ['check-predecessor-ms', 100, 86_400_000],
    ['merge-ms', 100, 86_400_000],
    ['publish-rate', 1, 2 ** 40]
  ])('chord.%s at its limits and one past them', async (name, least, most) => {
    for (const value of [least, most])
      await expect(loadConfig({ env, set: [`chord.${name}=${value}`] })).resolves.toBeDefined()
    for (const value of [least - 1, most + 1])
      expect(await refusal({ set: [`chord.${name}=${value}`] })).toContain(
        `chord.${name} takes a whole number from ${least} to ${most}`
      )
  })

  test.each([
    ['neighbourhood', 0, 32],
    ['replicas', 1, 17],
    ['heartbeat-ms', 100, 86_400_000],
    ['leaf-exchange-ms', 100, 86_400_000],
    ['table-probe-ms', 0, 86_400_000],
    ['row-ms', 100, 86_400_000],
    ['neighbourhood-ms', 100, 86_400_000],
    ['merge-ms', 100, 86_400_000],
    ['publish-rate', 1, 2 ** 40]
  ])('pastry.%s at its limits and one past them', async (name, least, most) => {
    for (const value of [least, most])
      await expect(loadConfig({ env, set: [`pastry.${name}=${value}`] })).resolves.toBeDefined()
    for (const value of [least - 1, most + 1])
      expect(await refusal({ set: [`pastry.${name}=${value}`] })).toContain(
        `pastry.${name} takes a whole number from ${least} to ${most}`
      )
  })

  test('leaf sets are even, and digits as long as Pastry has them', async () => {
    for (const size of [2, 32]) {
      const { config } = await loadConfig({ env, set: [`pastry.leaf-set=${size}`] })
      expect(config.pastry.leafSet).toBe(size)
    }
    for (const size of [0, 15, 34])
      expect(await refusal({ set: [`pastry.leaf-set=${size}`] })).toContain(
        `pastry.leaf-set takes a multiple of 2 from 2 to 32, and --set pastry.leaf-set=${size} says ${size}.`
      )
    const { config } = await loadConfig({ env, configFile: await file('[pastry]\ndigit-bits = 2\n') })
    expect(config.pastry.digitBits).toBe(2)
    for (const bits of [0, 3, 8])
      expect(await refusal({ set: [`pastry.digit-bits=${bits}`] })).toContain(
        `pastry.digit-bits takes one of 1, 2, 4, and --set pastry.digit-bits=${bits} says ${bits}.`
      )
  })

  test.each([
    ['groups', 0, 4096],
    ['contacts', 1, 8],
    ['replicas', 1, 16],
    ['gossip-ms', 100, 86_400_000],
    ['heartbeat-ms', 100, 86_400_000],
    ['targets', 1, 16],
    ['contact-targets', 0, 16],
    ['merge-ms', 100, 86_400_000],
    ['gossip-rate', 256, 16_777_216],
    ['publish-rate', 1, 2 ** 40]
  ])('kelips.%s at its limits and one past them', async (name, least, most) => {
    for (const value of [least, most])
      await expect(loadConfig({ env, set: [`kelips.${name}=${value}`] })).resolves.toBeDefined()
    for (const value of [least - 1, most + 1])
      expect(await refusal({ set: [`kelips.${name}=${value}`] })).toContain(
        `kelips.${name} takes a whole number from ${least} to ${most}`
      )
  })

  test.each([
    ['napster.link-speed', 0, 10],
    ['napster.users', 1, 20_000],
    ['napster.users-per-address', 1, 20_000],
    ['fasttrack.ordinaries-per-supernode', 2, 1_000],
    ['fasttrack.rounds', 1, 8]
  ])('%s at its limits and one past them', async (key, least, most) => {
    for (const value of [least, most])
      await expect(loadConfig({ env, set: [`${key}=${value}`] })).resolves.toBeDefined()
    for (const value of [least - 1, most + 1])
      expect(await refusal({ set: [`${key}=${value}`] })).toContain(
        `${key} takes a whole number from ${least} to ${most}`
      )
  })

  test('a nick that is too long, and a server of which nobody says who it is', async () => {
    await expect(loadConfig({ env, set: [`napster.nick=${'n'.repeat(19)}`] })).resolves.toBeDefined()
    expect(await refusal({ set: [`napster.nick=${'n'.repeat(20)}`] })).toContain(
      'napster.nick takes a text of at most 19 characters'
    )
    expect(await refusal({ set: ['napster.servers=/ip4/192.0.2.7/tcp/6346'] })).toContain(
      'which does not end in /p2p/ and a PeerId, so nobody could tell who answers'
    )
    expect(await refusal({ set: ['napster.index=mysql'] })).toContain('one of memory, sqlite, postgres')
  })

  test('a wrong type in the file, with its line', async () => {
    const configFile = await file('# mine\n\nno-inbound = "maybe"\n')
    expect(await refusal({ configFile })).toBe(
      `no-inbound takes true or false, and ${configFile} line 3 says "maybe". Its default is false.`
    )
  })

  test('a text where a number belongs, with its variable', async () => {
    expect(await refusal({ env: { SERVENT_MAX_CONNECTIONS: 'many' } })).toContain(
      'max-connections takes a whole number from 1 to 25000, and SERVENT_MAX_CONNECTIONS says "many".'
    )
  })

  test.each([
    [
      '[gnutella]\nneighbors = 3\n',
      /line 2 sets gnutella\.neighbors, which is no setting\. Did you mean gnutella\.neighbours\?$/
    ],
    ['gnutella.neighbors = 3\n', /line 1 sets gnutella\.neighbors/],
    ['gnutella = { neighbors = 3 }\n', /line 1 sets gnutella\.neighbors/],
    ['\n[library]\nttl = 3', /line 3 sets library\.ttl/],
    ['\nlisten_on = []\n', /line 2 sets listen_on, which is no setting/],
    ['gnutella = 3\n', /line 1 sets gnutella, which is no setting/],
    ['__proto__ = 3\n', /line 1 sets __proto__, which is no setting/],
    ['relay = off\n', /line 1, column \d+ is not TOML/],
    ['relay = "off"\nrelay = "use"\n', /line 2, column \d+ is not TOML/]
  ])('%j', async (text, message) => {
    expect(await refusal({ configFile: await file(text) })).toMatch(message)
  })

  test('unknown flags and --set', async () => {
    expect(await refusal({ flags: { maxConections: '3' } })).toMatch(/Did you mean max-connections\?$/)
    expect(await refusal({ set: ['gnutela.ttl=3'] })).toBe(
      '--set sets gnutela.ttl, which is no setting. Did you mean gnutella.ttl?'
    )
    expect(await refusal({ set: ['gnutella.ttl'] })).toMatch(/^--set takes key=value/)
  })

  test('a variable that resembles a setting; one that does not is passed over with a word', async () => {
    expect(await refusal({ env: { SERVENT_RELAYS: 'off' } })).toBe(
      'SERVENT_RELAYS is no setting. Did you mean SERVENT_RELAY?'
    )
    const { warnings } = await loadConfig({
      env: { SERVENT_SERVICE_HOST: '10.0.0.1', SERVENT_TEST_FULL: '1' }
    })
    expect(warnings).toEqual([
      'SERVENT_SERVICE_HOST is no setting and is passed over. servent config lists all settings.'
    ])
  })

  test('a file that was named and is not there', async () => {
    expect(await refusal({ configFile: '/nowhere/config.toml' })).toMatch(
      /^The config file \/nowhere\/config\.toml cannot be read/
    )
  })

  test('overlays that are not there', async () => {
    expect(await refusal({ flags: { overlays: 'gnutella,bittorrent' } })).toBe(
      '--overlays asks for overlay bittorrent, which comes in a later version. Overlays of this version: napster, napster-server, gnutella, fasttrack, chord, pastry, kelips, kademlia.'
    )
    expect(await refusal({ flags: { overlays: 'gnutela' } })).toContain(
      'Did you mean gnutella? Overlays of this version: napster,'
    )
    expect(await refusal({ flags: { overlays: '' } })).toContain('takes part in one at least')
    expect(await refusal({ flags: { overlays: 'gnutella,gnutella' } })).toContain('names an overlay twice')
  })

  test('introducers are URLs, perhaps with a PeerId', async () => {
    const given = ['http://one.example:6348', 'https://two.example']
    const { config } = await loadConfig({ env: {}, flags: { introducer: given } })
    expect(config.introducer).toEqual(given)
    expect(await refusal({ flags: { introducer: ['one.example'] } })).toContain('--introducer')
    expect(await refusal({ env: { SERVENT_INTRODUCER: 'ftp://one.example' } })).toMatch(
      /SERVENT_INTRODUCER.*neither http:\/\/ nor https:\/\//
    )
  })

  test.each([
    ['listen', '/ip4/1.2.3.4/udp/3', 'TCP alone'],
    ['listen', 'localhost:3', 'which is none'],
    [
      'listen',
      '/ip4/127.0.0.1/tcp/1/p2p/12D3KooWGcSLLqDXgCW8iqcLyHBpSUMAAWwsk6cYJR2kXPYFWW7R',
      'has no place there'
    ],
    ['bootstrap', '/ip4/1.2.3.4/tcp/3', 'does not end in /p2p/'],
    ['api', '0.0.0.0:6347', 'loopback'],
    ['api', '192.168.1.1:6347', 'loopback'],
    ['api', '127.0.0.1', 'HOST:PORT'],
    ['api', '127.0.0.1:65536', 'HOST:PORT'],
    ['port-mapping', '192.168.1.1', 'takes auto, off']
  ])('%s %s', async (key, value, part) => {
    expect(await refusal({ flags: { [key]: value } })).toContain(part)
  })
})

test('the API listens on a loopback address of either family', () => {
  expect(endpointOf('127.0.0.1:6347')).toEqual({ host: '127.0.0.1', port: 6347 })
  expect(endpointOf('[::1]:0')).toEqual({ host: '::1', port: 0 })
  expect(endpointOf('localhost:65535')).toEqual({ host: 'localhost', port: 65_535 })
})

test('every setting has a description, and words for what it takes', () => {
  for (const setting of SETTINGS) {
    expect(setting.description, setting.key).toMatch(/\.$/)
    expect(setting.allowed).not.toContain('undefined')
  }
})

test('a value is taken where a whole validator of JSON Schema takes it', () => {
  const words = SETTINGS.flatMap(({ schema }) => [...(schema.enum ?? []), ...(schema.items?.enum ?? [])])
  const bounds = SETTINGS.flatMap(({ schema: { minimum = 0, maximum = 0 } }) => [
    minimum - 1,
    minimum,
    maximum,
    maximum + 1
  ])
  const word = fc.oneof(
    fc.constantFrom(...words),
    fc.string(),
    fc.integer({ min: 510, max: 514 }).map(length => 'x'.repeat(length))
  )
  const one = fc.oneof(
    word,
    fc.constantFrom(...bounds),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.bigInt()
  )
  const value = fc.oneof(
    one,
    fc.array(one, { maxLength: 3 }),
    fc.array(word, { maxLength: 66, size: 'max' }),
    fc.object()
  )
  fc.assert(
    fc.property(fc.constantFrom(...SETTINGS), value, ({ schema }, given) => {
      expect(allows(schema, given)).toBe(Check(schema as never, given))
    }),
    { numRuns: 2000 }
  )
})

describe('the folder for downloads', () => {
  const within = async (downloadDir: string, dataDir: string) => refusal({ dataDir, flags: { downloadDir } })

  test('is none of the node’s own, and holds none, by links neither', async () => {
    const base = await mkdtemp(join(tmpdir(), 'servent-config-'))
    const dataDir = join(base, 'node', 'data')
    for (const place of [dataDir, dirname(dataDir), base, '/'])
      expect(await within(place, dataDir)).toContain(`is or contains the node's data folder ${dataDir}`)
    expect(await within(dataDir, dataDir)).toContain(`--download-dir ${join(dataDir, 'downloads')}`)
    expect(await within(join(dataDir, 'log'), dataDir)).toContain("the node's state folder")
    expect(await within(folders().config, dataDir)).toContain("the node's config folder")
    await mkdir(dirname(dataDir))
    await symlink(dirname(dataDir), join(base, 'link'))
    expect(await within(join(base, 'link'), dataDir)).toContain("the node's data folder")
  })

  test('may lie beside them and within the data folder, whatever dots its name has', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'servent-config-'))
    for (const downloadDir of [
      join(dataDir, 'downloads'),
      `${dataDir}-downloads`,
      join(dataDir, '..files')
    ]) {
      const { config } = await loadConfig({ env, dataDir, flags: { downloadDir } })
      expect(config.downloadDir).toBe(downloadDir)
    }
  })
})
