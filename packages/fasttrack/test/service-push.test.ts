/** FastTrack's first words of a call. */
import { expect, it } from 'vitest'
import { giveWords } from '../src/service-push.ts'

const NONCE = '0123456789abcdef'.repeat(2)

it('a call begins with GIVE and the id of the Push, as published', () => {
  expect(`${giveWords.write({ index: 7, name: 'a.mp3', nonce: NONCE })}${giveWords.end}`).toBe(
    `GIVE ${NONCE}\r\n`
  )
  expect(giveWords.read(`GIVE ${NONCE}`)).toEqual({ nonce: NONCE, subject: '' })
})

it.each(['', 'GIVE', `GIVE ${NONCE} `, `GIVE ${NONCE}0`, `GIVE ${NONCE.toUpperCase()}`, `SEND ${NONCE}`])(
  '%j is none',
  words => expect(giveWords.read(words)).toBeUndefined()
)
