/** Gnutella's messages, questions and answers in words, for transcripts: GUIDs by the order of their coming. */
import type { GnutellaMessage, GnutellaTypes } from '@servent/gnutella/machine'
import { type Contact, peerIdText } from '@servent/overlay'

type Describe = (field: string, value: GnutellaTypes[keyof GnutellaTypes]) => string | undefined

/** `names` of peers by PeerId; `guids` is filled with the short names that it gives. */
export function describeGnutella(names: ReadonlyMap<string, string>, guids: Map<string, string>): Describe {
  const guid = (text: string) => {
    if (!guids.has(text)) guids.set(text, `#${guids.size + 1}`)
    return guids.get(text)!
  }
  const whom = (contact: Contact | undefined) => {
    if (contact === undefined) return 'nobody'
    const peerId = peerIdText(contact.id)
    return names.get(peerId) ?? peerId
  }
  const header = (message: { guid: string; ttl: number; hops: number }) =>
    `${guid(message.guid)} ttl ${message.ttl} hops ${message.hops}`
  const message = (value: GnutellaMessage): string => {
    switch (value.type) {
      case 'connect':
        return 'connect'
      case 'status':
        return `status ${value.status} ${value.reason}`
      case 'ping':
        return `ping ${header(value)}`
      case 'pong':
        return `pong ${header(value)} of ${whom(value.contact)} with ${value.files} files`
      case 'query':
        return `query ${header(value)} for "${value.text}"`
      case 'query-hit':
        return `query-hit ${header(value)} of ${whom(value.contact)}: ${value.results.map(({ name, size }) => `"${name}" ${size} bytes`).join(', ')}`
      case 'push':
        return `push ${header(value)} to servent ${guid(value.servent)}`
      case 'bye':
        return `bye ${header(value)} ${value.code} ${value.reason}`
      default:
        return `${value.type} ${header(value)}`
    }
  }
  return (field, value) => {
    if (field === 'message') return message(value as GnutellaMessage)
    if (field === 'notice') {
      const notice = value as GnutellaTypes['notice']
      if (notice.type === 'search-traffic')
        return `search-traffic ${notice.copies} x ${message(notice.message)}`
      if (notice.type === 'found') {
        return `found ${notice.files.map(({ record }) => `"${record.name}"`).join(', ')} at ${whom(notice.contact)}, ${notice.hops} hops away`
      }
      return notice.type
    }
    if (field === 'question') {
      const question = value as GnutellaTypes['question']
      if (question.type === 'match') return `match "${question.text}" limit ${question.limit}`
      if (question.type === 'verify')
        return `verify ${question.claim.results.length} of ${whom(question.claim.contact)}`
      return undefined
    }
    if (field === 'answer' && value !== undefined) {
      const answer = value as GnutellaTypes['answer']
      if (answer.type === 'match')
        return `match ${answer.results.map(({ name }) => `"${name}"`).join(', ') || 'nothing'}`
      if (answer.type === 'verify')
        return `verify ${answer.files.map(({ record }) => `"${record.name}"`).join(', ') || 'nothing'}`
    }
    return undefined
  }
}
