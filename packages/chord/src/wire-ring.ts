/**
 * Messages of the ring as protobuf (`chord.proto`), written with the runtime of protons. What breaks a bound is
 * refused before it is kept.
 */
import {
  bytesFieldLength,
  contactByteLength,
  fixed32FieldLength,
  readBool,
  readContact,
  readEmbedded,
  readFields,
  readFixed32,
  readInto,
  readVarint,
  varintFieldLength,
  writeContact,
  writeEmbedded,
  writeFixed32,
  writeVarint
} from '@servent/key-routing/machine'
import { type Contact, MalformedError } from '@servent/overlay/machine'
import type { Reader, Writer } from 'protons-runtime'
import {
  CANDIDATE_STEPS_MAX,
  FINGERS_MAX,
  FORMING_MEMBERS_MAX,
  SUCCESSORS_MAX,
  VIRTUAL_NODES_MAX
} from './constants.ts'
import type { Member, RingMessage, RingNode, Standing } from './messages.ts'

/** The order of their numbers in the `oneof`, from 2. */
export const RING_TYPES: readonly RingMessage['type'][] = [
  'neighbours-request',
  'neighbours',
  'notify',
  'candidate',
  'leave',
  'fingers-request',
  'fingers',
  'members-request',
  'members'
]
/** From 1. */
const STANDINGS: readonly Standing[] = ['ring', 'forming', 'out']
const VERSION_MAX = 2 ** 32 - 1
const INDEX_MAX = VIRTUAL_NODES_MAX - 1

/** Bytes of the message's fields. */
export function ringByteLength(message: RingMessage): number {
  switch (message.type) {
    case 'neighbours-request':
      return (
        fixed32FieldLength(message.id) +
        varintFieldLength(message.index) +
        varintFieldLength(message.version) +
        varintFieldLength(message.sender)
      )
    case 'neighbours':
      return (
        fixed32FieldLength(message.id) +
        2 +
        varintFieldLength(message.version) +
        (message.unchanged ? 2 : 0) +
        optionalNodeLength(message.predecessor) +
        nodesLength(message.successors) +
        varintFieldLength(message.listLength)
      )
    case 'notify':
      return varintFieldLength(message.index) + varintFieldLength(message.sender)
    case 'candidate':
      return (
        varintFieldLength(message.index) + optionalNodeLength(message.node) + varintFieldLength(message.steps)
      )
    case 'leave':
      return (
        varintFieldLength(message.sender) +
        optionalNodeLength(message.predecessor) +
        nodesLength(message.successors)
      )
    case 'fingers-request':
      return fixed32FieldLength(message.id) + varintFieldLength(message.index)
    case 'fingers':
      return fixed32FieldLength(message.id) + nodesLength(message.fingers)
    case 'members-request':
      return (
        fixed32FieldLength(message.id) +
        varintFieldLength(message.listLength) +
        varintFieldLength(message.virtualNodes) +
        membersLength(message.members)
      )
    case 'members':
      return (
        fixed32FieldLength(message.id) +
        2 +
        varintFieldLength(message.listLength) +
        varintFieldLength(message.virtualNodes) +
        membersLength(message.members)
      )
  }
}

/** A node and a member have the same form: a contact and a number. */
const placeLength = (contact: Contact, number: number): number =>
  bytesFieldLength(contactByteLength(contact)) + varintFieldLength(number)

const optionalNodeLength = (node: RingNode | undefined): number =>
  node === undefined ? 0 : bytesFieldLength(placeLength(node.contact, node.index))

function nodesLength(nodes: readonly RingNode[]): number {
  let length = 0
  for (const node of nodes) length += optionalNodeLength(node)
  return length
}

function membersLength(members: readonly Member[]): number {
  let length = 0
  for (const { contact, virtualNodes } of members)
    length += bytesFieldLength(placeLength(contact, virtualNodes))
  return length
}

/** Writes the message's fields. */
export function writeRing(message: RingMessage, writer: Writer): void {
  switch (message.type) {
    case 'neighbours-request':
      writeFixed32(writer, 1, message.id)
      writeVarint(writer, 2, message.index)
      writeVarint(writer, 3, message.version)
      writeVarint(writer, 4, message.sender)
      return
    case 'neighbours':
      writeFixed32(writer, 1, message.id)
      writeVarint(writer, 2, STANDINGS.indexOf(message.standing) + 1)
      writeVarint(writer, 3, message.version)
      writeVarint(writer, 4, message.unchanged ? 1 : 0)
      if (message.predecessor !== undefined) writeNode(writer, 5, message.predecessor)
      for (const node of message.successors) writeNode(writer, 6, node)
      writeVarint(writer, 7, message.listLength)
      return
    case 'notify':
      writeVarint(writer, 1, message.index)
      writeVarint(writer, 2, message.sender)
      return
    case 'candidate':
      writeVarint(writer, 1, message.index)
      writeNode(writer, 2, message.node)
      writeVarint(writer, 3, message.steps)
      return
    case 'leave':
      writeVarint(writer, 1, message.sender)
      if (message.predecessor !== undefined) writeNode(writer, 2, message.predecessor)
      for (const node of message.successors) writeNode(writer, 3, node)
      return
    case 'fingers-request':
      writeFixed32(writer, 1, message.id)
      writeVarint(writer, 2, message.index)
      return
    case 'fingers':
      writeFixed32(writer, 1, message.id)
      for (const node of message.fingers) writeNode(writer, 2, node)
      return
    case 'members-request':
      writeFixed32(writer, 1, message.id)
      writeVarint(writer, 2, message.listLength)
      writeVarint(writer, 3, message.virtualNodes)
      for (const member of message.members) writePlace(writer, 4, member.contact, member.virtualNodes)
      return
    case 'members':
      writeFixed32(writer, 1, message.id)
      writeVarint(writer, 2, STANDINGS.indexOf(message.standing) + 1)
      writeVarint(writer, 3, message.listLength)
      writeVarint(writer, 4, message.virtualNodes)
      for (const member of message.members) writePlace(writer, 5, member.contact, member.virtualNodes)
      return
  }
}

const writeNode = (writer: Writer, field: number, { contact, index }: RingNode): void =>
  writePlace(writer, field, contact, index)

function writePlace(writer: Writer, field: number, contact: Contact, number: number): void {
  writeEmbedded(writer, field, () => {
    writeEmbedded(writer, 1, () => writeContact(writer, contact))
    writeVarint(writer, 2, number)
  })
}

/** @throws MalformedError  a bound is broken, or something is missing */
export function readRing(type: RingMessage['type'], reader: Reader, end: number): RingMessage {
  return READERS[type](reader, end)
}

const READERS: Readonly<Record<RingMessage['type'], (reader: Reader, end: number) => RingMessage>> = {
  'neighbours-request'(reader, end) {
    let [id, index, version, sender] = [0, 0, 0, 0]
    readFields(reader, end, (field, wire) => {
      if (field === 1) id = readFixed32(reader, wire, 'id')
      else if (field === 2) index = readIndex(reader, wire)
      else if (field === 3) version = readVarint(reader, wire, VERSION_MAX, 'version')
      else if (field === 4) sender = readIndex(reader, wire)
      else return false
      return true
    })
    return { type: 'neighbours-request', id, index, version, sender }
  },
  neighbours(reader, end) {
    let [id, version, listLength] = [0, 0, 0]
    let standing: Standing | undefined
    let unchanged = false
    let predecessor: RingNode | undefined
    const successors: RingNode[] = []
    readFields(reader, end, (field, wire) => {
      if (field === 1) id = readFixed32(reader, wire, 'id')
      else if (field === 2) standing = readStanding(reader, wire)
      else if (field === 3) version = readVarint(reader, wire, VERSION_MAX, 'version')
      else if (field === 4) unchanged = readBool(reader, wire, 'mark of an unchanged list')
      else if (field === 5) predecessor = readNode(reader, wire, 'predecessor')
      else if (field === 6) readInto(successors, SUCCESSORS_MAX, readNode(reader, wire, 'successor'))
      else if (field === 7) listLength = readVarint(reader, wire, SUCCESSORS_MAX, LIST_LENGTH)
      else return false
      return true
    })
    const known = { type: 'neighbours', id, standing: required(standing, 'standing'), version } as const
    return { ...known, unchanged, listLength, ...(predecessor && { predecessor }), successors }
  },
  notify(reader, end) {
    let [index, sender] = [0, 0]
    readFields(reader, end, (field, wire) => {
      if (field === 1) index = readIndex(reader, wire)
      else if (field === 2) sender = readIndex(reader, wire)
      else return false
      return true
    })
    return { type: 'notify', index, sender }
  },
  candidate(reader, end) {
    let [index, steps] = [0, 0]
    let node: RingNode | undefined
    readFields(reader, end, (field, wire) => {
      if (field === 1) index = readIndex(reader, wire)
      else if (field === 2) node = readNode(reader, wire, 'candidate')
      else if (field === 3) steps = readVarint(reader, wire, CANDIDATE_STEPS_MAX, 'number of steps')
      else return false
      return true
    })
    return { type: 'candidate', index, node: required(node, 'node'), steps }
  },
  leave(reader, end) {
    let sender = 0
    let predecessor: RingNode | undefined
    const successors: RingNode[] = []
    readFields(reader, end, (field, wire) => {
      if (field === 1) sender = readIndex(reader, wire)
      else if (field === 2) predecessor = readNode(reader, wire, 'predecessor')
      else if (field === 3) readInto(successors, SUCCESSORS_MAX, readNode(reader, wire, 'successor'))
      else return false
      return true
    })
    return { type: 'leave', sender, ...(predecessor && { predecessor }), successors }
  },
  'fingers-request'(reader, end) {
    let [id, index] = [0, 0]
    readFields(reader, end, (field, wire) => {
      if (field === 1) id = readFixed32(reader, wire, 'id')
      else if (field === 2) index = readIndex(reader, wire)
      else return false
      return true
    })
    return { type: 'fingers-request', id, index }
  },
  fingers(reader, end) {
    let id = 0
    const fingers: RingNode[] = []
    readFields(reader, end, (field, wire) => {
      if (field === 1) id = readFixed32(reader, wire, 'id')
      else if (field === 2) readInto(fingers, FINGERS_MAX, readNode(reader, wire, 'finger'))
      else return false
      return true
    })
    return { type: 'fingers', id, fingers }
  },
  'members-request'(reader, end) {
    let [id, listLength, virtualNodes] = [0, 0, 0]
    const members: Member[] = []
    readFields(reader, end, (field, wire) => {
      if (field === 1) id = readFixed32(reader, wire, 'id')
      else if (field === 2) listLength = readVarint(reader, wire, SUCCESSORS_MAX, LIST_LENGTH)
      else if (field === 3) virtualNodes = readVarint(reader, wire, VIRTUAL_NODES_MAX, VIRTUAL_NODES)
      else if (field === 4) readInto(members, FORMING_MEMBERS_MAX, readMember(reader, wire))
      else return false
      return true
    })
    return { type: 'members-request', id, ...sizes(listLength, virtualNodes), members }
  },
  members(reader, end) {
    let [id, listLength, virtualNodes] = [0, 0, 0]
    let standing: Standing | undefined
    const members: Member[] = []
    readFields(reader, end, (field, wire) => {
      if (field === 1) id = readFixed32(reader, wire, 'id')
      else if (field === 2) standing = readStanding(reader, wire)
      else if (field === 3) listLength = readVarint(reader, wire, SUCCESSORS_MAX, LIST_LENGTH)
      else if (field === 4) virtualNodes = readVarint(reader, wire, VIRTUAL_NODES_MAX, VIRTUAL_NODES)
      else if (field === 5) readInto(members, FORMING_MEMBERS_MAX, readMember(reader, wire))
      else return false
      return true
    })
    const known = { type: 'members', id, standing: required(standing, 'standing') } as const
    return { ...known, ...sizes(listLength, virtualNodes), members }
  }
}

const LIST_LENGTH = 'length of a successor list'
const VIRTUAL_NODES = 'number of virtual nodes'

const readIndex = (reader: Reader, wire: number): number => readVarint(reader, wire, INDEX_MAX, 'index')

function readStanding(reader: Reader, wire: number): Standing | undefined {
  return STANDINGS[readVarint(reader, wire, STANDINGS.length, 'standing') - 1]
}

function readNode(reader: Reader, wire: number, what: string): RingNode {
  const { contact, number: index } = readPlace(reader, wire, INDEX_MAX, what)
  return { contact, index }
}

function readMember(reader: Reader, wire: number): Member {
  const { contact, number: virtualNodes } = readPlace(reader, wire, VIRTUAL_NODES_MAX, 'member')
  if (virtualNodes === 0) throw new MalformedError('A member takes no place on the ring.')
  return { contact, virtualNodes }
}

function readPlace(
  reader: Reader,
  wire: number,
  max: number,
  what: string
): { contact: Contact; number: number } {
  return readEmbedded(reader, wire, what, (_, end) => {
    let contact: Contact | undefined
    let number = 0
    readFields(reader, end, (field, inner) => {
      if (field === 1) contact = readEmbedded(reader, inner, 'contact', readContact)
      else if (field === 2) number = readVarint(reader, inner, max, `number of a ${what}`)
      else return false
      return true
    })
    return { contact: required(contact, 'contact'), number }
  })
}

function sizes(listLength: number, virtualNodes: number): { listLength: number; virtualNodes: number } {
  if (listLength === 0) throw new MalformedError(`The ${LIST_LENGTH} is missing.`)
  if (virtualNodes === 0) throw new MalformedError(`The ${VIRTUAL_NODES} is missing.`)
  return { listLength, virtualNodes }
}

function required<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new MalformedError(`A ${what} is missing.`)
  return value
}
