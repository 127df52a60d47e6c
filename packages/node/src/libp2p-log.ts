/**
 * libp2p's component logger, written into pino: `component` names who speaks.
 *
 * libp2p logs whatever a remote peer does wrong as an error; on an open network that is everyday talk, so
 * only this project's own components reach the levels that users see.
 */
import type { Logger as ComponentLog, ComponentLogger } from '@libp2p/interface'
import type { Logger } from 'pino'

const OWN_PREFIX = 'servent:'
/** Of one formatted message. */
const MESSAGE_CHARACTERS_MAX = 2048

type LevelName = 'warn' | 'debug' | 'trace'

export function componentLogger(logger: Logger): ComponentLogger {
  return { forComponent: name => componentLog(logger, name) }
}

function componentLog(logger: Logger, name: string): ComponentLog {
  const child = logger.child({ component: name })
  const at = (level: LevelName) => {
    // libp2p formats a great deal that is never read; below its level a call must cost next to nothing.
    if (!child.isLevelEnabled(level)) return Object.assign(() => {}, { enabled: false })
    const write = (format: unknown, ...values: unknown[]): void => {
      const error = values.find(value => value instanceof Error)
      const message = formatMessage(format, values)
      if (error === undefined) child[level](message)
      else child[level]({ error: { name: error.name, message: error.message } }, message)
    }
    return Object.assign(write, { enabled: true })
  }
  return Object.assign(at('debug'), {
    error: at(name.startsWith(OWN_PREFIX) ? 'warn' : 'debug'),
    trace: at('trace'),
    newScope: (scope: string) => componentLog(logger, `${name}:${scope}`)
  })
}

/** The placeholders of @libp2p/logger: %p peer, %a multiaddr, %c CID, %k key, %e error, %b %t %m bytes. */
export function formatMessage(format: unknown, values: readonly unknown[]): string {
  if (typeof format !== 'string')
    return [format, ...values].map(text).join(' ').slice(0, MESSAGE_CHARACTERS_MAX)
  let next = 0
  const message = format.replace(/%([a-zA-Z%])/g, (placeholder, letter: string) => {
    if (letter === '%') return '%'
    if (next >= values.length) return placeholder
    return text(values[next++])
  })
  const rest = values.slice(next).filter(value => !(value instanceof Error))
  return [message, ...rest.map(text)].join(' ').slice(0, MESSAGE_CHARACTERS_MAX)
}

function text(value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (typeof value !== 'object' || value === null) return String(value)
  const own = String(value)
  if (!own.startsWith('[object')) return own
  try {
    return JSON.stringify(value) ?? own
  } catch {
    // It refers to itself, or holds a bigint.
    return own
  }
}
