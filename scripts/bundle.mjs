// One CommonJS file with all that a built module reaches: what the executable carries.
import { join } from 'node:path'
import { rolldown } from 'rolldown'

// Vega's looks for a canvas with an `await` that CommonJS has no place for; its other one knows that there is none.
const MODULES = join(import.meta.dirname, '..', 'node_modules')
const NO_CANVAS = join(MODULES, 'vega-canvas', 'build', 'vega-canvas.browser.js')

export async function bundle(input, file) {
  const bundler = await rolldown({
    input,
    platform: 'node',
    // What Node loads, the bundle takes: never a browser's variant, nor the sources behind the build. `import` and
    // `require` are the bundler's to add, each where the one or the other stands: with both, a `require` is given an
    // ES module where a package has one beside its CommonJS, and `pg` cannot extend the class that it asks for.
    resolve: { conditionNames: ['node', 'module-sync'], alias: { 'vega-canvas': NO_CANVAS } },
    onLog(level, log, fallback) {
      // Some packages evaluate text on purpose: schemas are compiled into functions.
      if (log.code !== 'EVAL' && level !== 'info' && level !== 'debug') fallback(level, log)
    }
  })
  await bundler.write({ file, format: 'cjs', codeSplitting: false, minify: false, comments: false })
  await bundler.close()
}
