import { defineConfig } from 'vitest/config'

// Every package's tests, and those that cross packages, read the sources directly: no build is needed for
// them. Tests in test/e2e start the built program, so `npm test` builds first.
const source = {
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source', 'node'] } }
}
/** What is read of strangers, and the index in memory, of rooms whose machines are not measured as a whole. */
const CODECS = [
  'packages/napster/src/{wire,wire-text,wire-search,wire-extension,bytes,formats}.ts',
  'packages/fasttrack/src/wire*.ts',
  'packages/fasttrack/src/credit/{receipt,receipt-sealing,exchange,max-flow,credit-graph,claims,receipt-book}.ts',
  'packages/keyword-index/src/{answer,ask,check,generation,intersection,matching,memory-index,posting-lists,word-numbers,word-table}.ts',
  'packages/kademlia/src/wire.ts',
  'packages/{pastry,kelips}/src/wire*.ts',
  'packages/introducer/src/{announcement,answer,question}.ts'
]
const full = process.env.SERVENT_TEST_FULL === '1'
/** What runs networks of Chord for minutes. */
const LONG = 'packages/chord/test/{hostile-hops,invariants,paper,swarm,service-real-peers}.test.ts'
const exclude = [
  '**/node_modules/**',
  '**/dist/**',
  ...(full ? [] : ['**/*.full.test.ts']),
  // `--exclude` of the command line says nothing to projects.
  ...(process.argv.includes('--coverage') ? [LONG] : [])
]
/** Machines and pure code. */
const MACHINES =
  'packages/{overlay,simulator,key-routing,keyword-index,napster,gnutella,fasttrack,chord,pastry,kelips,kademlia,lab}/test'
/** In these rooms, tests of real peers, and tests that measure the memory of their process. */
const APART = [
  `${MACHINES}/{service,service-*,load}.test.ts`,
  'packages/keyword-index/test/memory-size.test.ts',
  'packages/simulator/test/simulation-metrics.test.ts'
]
const projects = [
  {
    extends: true as const,
    test: {
      name: 'machines',
      include: [`${MACHINES}/**/*.test.ts`],
      exclude: [...exclude, ...APART],
      // One process runs many files: what they import is loaded and compiled once. Clocks are virtual, and what ran in it
      // before is nothing to these tests.
      isolate: false,
      // They compute: a machine that others use, too, makes them late and no more.
      testTimeout: 120_000,
      hookTimeout: 120_000
    }
  },
  { extends: true as const, test: { name: 'services', include: APART, exclude } },
  {
    extends: true as const,
    test: {
      name: 'peers',
      include: ['packages/*/test/**/*.test.ts', 'apps/*/test/**/*.test.ts', 'test/**/*.test.ts'],
      exclude: [...exclude, `${MACHINES}/**`]
    }
  }
]

export default defineConfig({
  ...source,
  test: {
    ...(full ? { include: ['**/*.full.test.ts'], exclude } : { projects }),
    globalSetup: ['test/temporary-folder.ts'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    // Many tests wait for processes and clocks rather than compute. The long ones compute.
    maxWorkers: full ? 2 : 4,
    coverage: {
      provider: 'v8',
      reporter: ['text-summary', 'json-summary'],
      // `npm run coverage`: codecs whole, and what a machine reaches all but whole. It leaves out what runs networks of
      // Chord for minutes: that rules hold together is their matter, and each rule has tests of its own.
      include: [
        ...['overlay', 'gnutella', 'key-routing', 'chord'].map(name => `packages/${name}/src/**/*.ts`),
        ...CODECS
      ],
      exclude: [
        // But for the one that reads signatures of strangers.
        'packages/*/src/service!(-sealing|-sealed-values).ts',
        'packages/*/src/testing/**',
        'packages/*/src/index.ts',
        // A part of a service: the validators of its user.
        'packages/key-routing/src/validators.ts'
      ],
      thresholds: {
        branches: 95,
        'packages/{key-routing,chord}/src/**': { branches: 95 },
        'packages/key-routing/src/{wire,store-wire}*.ts': { branches: 100 },
        'packages/key-routing/src/{store-fields,records-body,service-sealing,records-digest}.ts': {
          branches: 100
        },
        'packages/chord/src/wire*.ts': { branches: 100 },
        'packages/gnutella/src/{wire,handshake,payload,query-hit,ggep,huge,extension,bytes}.ts': {
          branches: 100
        },
        'packages/gnutella/src/{qrp-*,guidance-wire,vendor-wire,walk-wire,tier-headers}.ts': {
          branches: 100
        },
        'packages/overlay/src/{content-id,record-codec,sealing,ticket}.ts': { branches: 100 },
        'packages/overlay/src/{abridged-record,addresses,record-envelope}.ts': { branches: 100 },
        ...Object.fromEntries(CODECS.map(files => [files, { branches: 100 }]))
      }
    }
  }
})
