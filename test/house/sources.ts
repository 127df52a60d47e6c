/** Reads the repository's own sources for the tests that keep the house in order. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = resolve(fileURLToPath(new URL('../..', import.meta.url)))

/** Every file of hand-written source, as a path from the root. Generated ones end in `.pb.ts`. */
export function sourceFiles(): string[] {
  const files: string[] = []
  for (const floor of ['packages', 'apps']) {
    for (const room of readdirSync(join(ROOT, floor))) {
      const folder = join(ROOT, floor, room, 'src')
      if (!existsSync(folder)) continue
      for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        if (entry.isFile() && /\.tsx?$/.test(entry.name) && !entry.name.endsWith('.pb.ts')) {
          files.push(relative(ROOT, join(entry.parentPath, entry.name)))
        }
      }
    }
  }
  return files.sort()
}

export function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

export interface Import {
  readonly specifier: string
  readonly typeOnly: boolean
}

const IMPORT =
  /(?:^|[\n;}])\s*(?:import|export)\s+(type\s+)?(?:[\w*{][^'"`;]*?\sfrom\s*)?(['"])([^'"]+)\2|\bimport\s*\(\s*(['"])([^'"]+)\4|\brequire\s*\(\s*(['"])([^'"]+)\6/g

/** What a text imports: static, re-exported, dynamic and by `require`. Comments are left out. */
export function importsOf(text: string): Import[] {
  const found: Import[] = []
  for (const match of withoutComments(text).matchAll(IMPORT)) {
    found.push({ specifier: match[3] ?? match[5] ?? match[7]!, typeOnly: match[1] !== undefined })
  }
  return found
}

/** The text with comments blanked; strings and templates stay. */
export function withoutComments(text: string): string {
  return text.replace(
    /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g,
    (_, string?: string) => string ?? ' '
  )
}

/** The text with comments and the contents of strings blanked. */
export function codeOnly(text: string): string {
  return withoutComments(text).replace(/"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g, "''")
}
