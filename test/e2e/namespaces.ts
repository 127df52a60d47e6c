/** Network namespaces for tests that need networks of their own. Root alone may make them. */
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { onTestFinished } from 'vitest'
import { SERVENT } from './harness.ts'

export const ip = (...args: string[]) => execFileSync('ip', args, { stdio: 'pipe' })

const nameOf = (suffix: string): string => `sv-${randomUUID().slice(0, 8)}-${suffix}`

export function canMakeNamespaces(): boolean {
  try {
    const name = nameOf('probe')
    ip('netns', 'add', name)
    ip('netns', 'del', name)
    return true
  } catch {
    return false
  }
}

/** With its loopback up. It is gone when the test ends. */
export function makeNamespace(suffix: string): string {
  const name = nameOf(suffix)
  ip('netns', 'add', name)
  onTestFinished(() => void ip('netns', 'del', name))
  ip('-n', name, 'link', 'set', 'lo', 'up')
  return name
}

/** The built program in a namespace, as a command. */
export const inNamespace = (name: string): readonly string[] => ['ip', 'netns', 'exec', name, ...SERVENT]
