import { defineConfig } from 'vitest/config'

// Every package's tests, and those that cross packages, read the sources directly: no build is needed for
// them. Tests in test/e2e start the built program, so `npm test` builds first.
const source = { resolve: { conditions: ['source'] }, ssr: { resolve: { conditions: ['source', 'node', 'import'] } } }
const full = process.env.SERVENT_TEST_FULL === '1'
const exclude = ['**/node_modules/**', '**/dist/**', ...(full ? [] : ['**/*.full.test.ts'])]

export default defineConfig({
  ...source,
  test: {
    include: full
      ? ['**/*.full.test.ts']
      : ['packages/*/test/**/*.test.ts', 'apps/*/test/**/*.test.ts', 'test/**/*.test.ts'],
    exclude,
    testTimeout: 20_000,
    hookTimeout: 30_000,
    maxWorkers: 2,
    coverage: { provider: 'v8', reporter: ['text-summary', 'json-summary'] }
  }
})
