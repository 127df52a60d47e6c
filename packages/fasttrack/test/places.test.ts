/** Users and standbys of a supernode from one place: at the limit, and one past it. */
import type { LinkOrigin } from '@servent/overlay/machine'
import { expect, it } from 'vitest'
import { USERS_PER_ADDRESS_PART, USERS_PER_NETWORK_PART } from '../src/constants.ts'
import type { HelloMessage } from '../src/messages.ts'
import { hello, TestPeer } from './peer.ts'

const TARGET = 20
const PER_ADDRESS = USERS_PER_ADDRESS_PART * TARGET
const PER_NETWORK = USERS_PER_NETWORK_PART * TARGET

const from = (host: string, reach: LinkOrigin['reach'] = 'public'): LinkOrigin => ({
  host,
  network: `${host.split('.').slice(0, 3).join('.')}/24`,
  isRelayed: false,
  reach
})

class Supernode {
  readonly peer = new TestPeer({ role: 'supernode', ordinariesPerSupernode: TARGET })
  #peers = 0

  /** Whether one more from there is taken, and its link. */
  ask(wants: HelloMessage['wants'], origin?: LinkOrigin) {
    this.#peers += 1
    const link = this.peer.link(this.#peers, true, origin)
    return { link, isAccepted: this.say(link, wants) }
  }

  say(link: number, wants: HelloMessage['wants']): boolean {
    this.peer.take()
    this.peer.from(link, hello(wants))
    const said = this.peer.sent(link).find(({ type }) => type === 'welcome')
    return said?.type === 'welcome' && said.isAccepted
  }
}

/** How many of so many are taken. */
const taken = (count: number, ask: (number: number) => { isAccepted: boolean }) =>
  Array.from({ length: count }, (_, number) => ask(number)).filter(({ isAccepted }) => isAccepted).length

it.each(['session', 'spare'] as const)(
  'a %s is given to USERS_PER_ADDRESS_PART of one address and USERS_PER_NETWORK_PART of one network',
  wants => {
    const node = new Supernode()
    const first = node.ask(wants, from('8.8.8.8'))
    expect(first.isAccepted).toBe(true)
    expect(taken(10, () => node.ask(wants, from('8.8.8.8')))).toBe(PER_ADDRESS - 1)
    expect(taken(10, number => node.ask(wants, from(`8.8.8.${100 + number}`)))).toBe(
      PER_NETWORK - PER_ADDRESS
    )
    expect(node.ask(wants, from('8.8.9.8')).isAccepted).toBe(true)
    // Who has a place keeps it, and who goes makes room.
    expect(node.say(first.link, wants)).toBe(true)
    node.peer.down(first.link)
    expect(node.ask(wants, from('8.8.8.8')).isAccepted).toBe(true)
    expect(node.ask(wants, from('8.8.8.8')).isAccepted).toBe(false)
  }
)

it('a probe from there is told that there is no room, before it comes for nothing', () => {
  const node = new Supernode()
  expect(node.ask('probe', from('8.8.8.8')).isAccepted).toBe(true)
  taken(PER_ADDRESS, () => node.ask('session', from('8.8.8.8')))
  expect(node.ask('probe', from('8.8.8.8')).isAccepted).toBe(false)
  expect(node.ask('probe', from('8.8.8.9')).isAccepted).toBe(true)
})

it('a standby that becomes a user is counted as one, and no more as the other', () => {
  const node = new Supernode()
  const standbys = Array.from({ length: PER_ADDRESS }, () => node.ask('spare', from('8.8.8.8')).link)
  for (const link of standbys) expect(node.say(link, 'session')).toBe(true)
  const more = node.ask('spare', from('8.8.8.8'))
  expect(more.isAccepted).toBe(true)
  expect(node.say(more.link, 'session')).toBe(false)
  for (const link of [...standbys, more.link]) node.peer.down(link)
  expect(node.peer.machine.sizes().places).toBe(0)
})

it('a private network, this machine and a network without addresses are not bounded', () => {
  for (const origin of [from('192.168.1.1', 'private'), from('127.0.0.1', 'loopback'), undefined]) {
    const node = new Supernode()
    expect(taken(PER_NETWORK + 5, () => node.ask('session', origin))).toBe(PER_NETWORK + 5)
  }
})
