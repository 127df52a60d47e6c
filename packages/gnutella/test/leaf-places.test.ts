/** Leaves of an ultrapeer from one place: at the limit, and one past it. */
import type { LinkOrigin } from '@servent/overlay/machine'
import { expect, it } from 'vitest'
import type { Headers } from '../src/messages.ts'
import { LEAVES_DEFAULT, LEAVES_PER_ADDRESS_PART, LEAVES_PER_NETWORK_PART } from '../src/tier-constants.ts'
import { LEAF, Servent, ULTRAPEER } from './servent.ts'

const PER_ADDRESS = LEAVES_PER_ADDRESS_PART * LEAVES_DEFAULT
const PER_NETWORK = LEAVES_PER_NETWORK_PART * LEAVES_DEFAULT

const from = (host: string, reach: LinkOrigin['reach'] = 'public'): LinkOrigin => ({
  host,
  network: `${host.split('.').slice(0, 3).join('.')}/24`,
  isRelayed: false,
  reach
})

class Ultrapeer {
  readonly servent = new Servent({ role: 'ultrapeer' })
  #peers = 0

  get leaves(): number {
    return this.servent.tiers().leaves
  }

  /** A stranger that comes from there as a leaf, or that becomes one with its last word. */
  come(origin?: LinkOrigin, headers = LEAF): number {
    this.#peers += 1
    const link = this.servent.link(this.#peers, true, origin)
    this.servent.from(link, { type: 'connect', headers })
    const [answer] = this.servent.sent(link)
    if (answer?.type === 'status' && answer.status === 200) {
      const last: Headers = headers === LEAF ? {} : { 'x-ultrapeer': 'False' }
      this.servent.from(link, { type: 'status', status: 200, reason: 'OK', headers: last })
    }
    return link
  }
}

const times = (count: number, act: (number: number) => void) => {
  for (let number = 0; number < count; number += 1) act(number)
}

it('are LEAVES_PER_ADDRESS_PART of one address, and LEAVES_PER_NETWORK_PART of one network', () => {
  const one = new Ultrapeer()
  const first = one.come(from('8.8.8.8'))
  times(PER_ADDRESS - 1, () => one.come(from('8.8.8.8')))
  expect(one.leaves).toBe(PER_ADDRESS)
  times(5, () => one.come(from('8.8.8.8')))
  expect(one.leaves).toBe(PER_ADDRESS)
  times(PER_NETWORK, number => one.come(from(`8.8.8.${100 + number}`)))
  expect(one.leaves).toBe(PER_NETWORK)
  // Who goes makes room, and another network has its own.
  one.servent.down(first)
  one.come(from('8.8.8.8'))
  expect(one.leaves).toBe(PER_NETWORK)
  one.come(from('8.8.9.8'))
  expect(one.leaves).toBe(PER_NETWORK + 1)
})

it('are no more where they come as ultrapeers and become leaves with the last word, or were called', () => {
  const one = new Ultrapeer()
  times(PER_ADDRESS + 3, () => one.come(from('8.8.8.8'), ULTRAPEER))
  expect(one.leaves).toBe(PER_ADDRESS)
  const called = one.servent.link(800, false, from('8.8.8.8'))
  one.servent.from(called, { type: 'status', status: 200, reason: 'OK', headers: LEAF })
  expect(one.servent.closed()).toContain(called)
  expect(one.leaves).toBe(PER_ADDRESS)
})

it('are not bounded on a private network, on this machine, and where nobody says from where', () => {
  for (const origin of [from('192.168.1.1', 'private'), from('127.0.0.1', 'loopback'), undefined]) {
    const one = new Ultrapeer()
    times(LEAVES_DEFAULT + 1, () => one.come(origin))
    expect(one.leaves).toBe(LEAVES_DEFAULT)
  }
})
