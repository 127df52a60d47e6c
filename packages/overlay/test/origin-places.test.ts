/** How many are taken from where: at the limit, one past it, and again when one has gone. */
import { expect, it } from 'vitest'
import { type LinkOrigin, OriginPlaces } from '../src/machine.ts'

const ip4 = (host: string, reach: LinkOrigin['reach'] = 'public'): LinkOrigin => ({
  host,
  network: `${host.split('.').slice(0, 3).join('.')}/24`,
  isRelayed: false,
  reach
})
const ip6: LinkOrigin = { host: '2a00:1:2/48', network: '2a00:1:2/48', isRelayed: false, reach: 'public' }
const relay: LinkOrigin = { host: 'relay r', network: 'relay r', isRelayed: true, reach: 'public' }

/** How many of so many are taken. */
function taken(places: OriginPlaces, originOf: (number: number) => LinkOrigin | undefined): number {
  let count = 0
  for (let number = 0; number < 20; number += 1) {
    if (places.full(originOf(number)) !== undefined) continue
    places.add(originOf(number))
    count += 1
  }
  return count
}

it('an address has its bound, a /48 of IPv6 as well, and a /24 or a relay has another', () => {
  const places = new OriginPlaces(2, 5)
  expect(taken(places, () => ip4('8.8.8.8'))).toBe(2)
  expect(places.full(ip4('8.8.8.8'))).toMatchObject({ what: 'address', most: 2 })
  expect(taken(places, number => ip4(`8.8.8.${number + 100}`))).toBe(3)
  expect(places.full(ip4('8.8.8.9'))).toMatchObject({ what: 'network', most: 5 })
  expect(taken(places, () => ip6)).toBe(2)
  expect(taken(places, () => relay)).toBe(5)
  expect(places.full(relay)).toMatchObject({ what: 'relay', most: 5 })
})

it('who goes makes room for one, and nothing is kept of a place from which nobody is', () => {
  const places = new OriginPlaces(1, 5)
  places.add(ip4('8.8.8.8'))
  expect(places.full(ip4('8.8.8.8'))).toBeDefined()
  places.remove(ip4('8.8.8.8'))
  expect(places.full(ip4('8.8.8.8'))).toBeUndefined()
  expect(places.size).toBe(0)
})

it('private networks, this machine and links without an origin are not bounded', () => {
  const places = new OriginPlaces(1, 1)
  for (const origin of [ip4('192.168.1.1', 'private'), ip4('127.0.0.1', 'loopback'), undefined])
    expect(taken(places, () => origin)).toBe(20)
  expect(places.size).toBe(0)
})
