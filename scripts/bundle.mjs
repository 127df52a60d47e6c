// One CommonJS file with all that a built module reaches: what the executable carries.
import { rolldown } from 'rolldown'

export async function bundle(input, file) {
  const bundler = await rolldown({
    input,
    platform: 'node',
    // What Node loads, the bundle takes: never a browser's variant, nor the sources behind the build.
    resolve: { conditionNames: ['node', 'import', 'module-sync', 'require', 'default'] },
    onLog(level, log, fallback) {
      // Some packages evaluate text on purpose: schemas are compiled into functions.
      if (log.code !== 'EVAL' && level !== 'info' && level !== 'debug') fallback(level, log)
    }
  })
  await bundler.write({ file, format: 'cjs', codeSplitting: false, minify: false, comments: false })
  await bundler.close()
}
