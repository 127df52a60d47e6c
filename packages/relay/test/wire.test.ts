/** Bytes as the specification has them, written out by hand. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeHopRequest,
  decodeStopAnswer,
  encodeHopAnswer,
  encodeStopConnect,
  encodeVoucher,
  Status
} from '../src/wire.ts'

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('the hop protocol', () => {
  test('RESERVE, and CONNECT with the bytes of a PeerId', () => {
    expect(decodeHopRequest(hex('08 00'))).toEqual({ type: 'reserve' })
    expect(decodeHopRequest(hex('08 01 12 05 0a 03 aa bb cc'))).toEqual({
      type: 'connect',
      peer: hex('aabbcc')
    })
  })

  test('addresses of the peer and fields of a later version are passed over', () => {
    expect(decodeHopRequest(hex('08 01 12 09 0a 03 aa bb cc 12 02 04 7f 48 07'))).toEqual({
      type: 'connect',
      peer: hex('aabbcc')
    })
  })

  test('a status, nothing, and a CONNECT to nobody are no requests', () => {
    for (const text of ['08 02 28 64', '', '08 01', '08 01 12 00', '12 05 0a 03 aa bb cc', '08 07']) {
      expect(decodeHopRequest(hex(text)), text).toEqual({ type: 'unexpected' })
    }
  })

  test('answers carry what libp2p reads: a reservation, a limit, a status', () => {
    expect(toHex(encodeHopAnswer({ status: Status.NO_RESERVATION }))).toBe('080228cc01')
    const reservation = { expire: 300n, addresses: [hex('0102'), hex('03')], voucher: hex('ff') }
    expect(toHex(encodeHopAnswer({ status: Status.OK, reservation, limit: { durationSeconds: 7200 } }))).toBe(
      // type, reservation of 13 bytes, limit of 3 bytes, status
      '0802 1a0d 08ac02 12020102 120103 1a01ff 2203 08a038 2864'.replaceAll(' ', '')
    )
  })
})

describe('the stop protocol', () => {
  test('CONNECT names who calls, and what it is given', () => {
    const bytes = encodeStopConnect(hex('aabb'), { durationSeconds: 1, dataBytes: 5n })
    expect(toHex(bytes)).toBe('0800 1204 0a02aabb 1a04 08011005'.replaceAll(' ', ''))
  })

  test('the answer is a status', () => {
    expect(decodeStopAnswer(hex('08 01 20 64'))).toBe(Status.OK)
    expect(decodeStopAnswer(hex('08 01 20 cb 01'))).toBe(Status.CONNECTION_FAILED)
    expect(decodeStopAnswer(hex('08 00 20 64'))).toBeUndefined()
    expect(decodeStopAnswer(hex(''))).toBeUndefined()
  })
})

test('a voucher holds relay, peer and its end', () => {
  expect(toHex(encodeVoucher(hex('01'), hex('02'), 300n))).toBe('0a0101 120102 18ac02'.replaceAll(' ', ''))
})

test('whatever bytes come, they are read or refused by an Error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
      for (const decode of [decodeHopRequest, decodeStopAnswer]) {
        try {
          decode(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
        }
      }
    }),
    { numRuns: 2000 }
  )
})
