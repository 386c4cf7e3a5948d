import { HTTPException } from 'hono/http-exception'
import { expect, test } from 'vitest'
import { createAdmission } from './admission.ts'

const refusal = (work: () => unknown): Response => {
  try {
    work()
  } catch (error) {
    if (error instanceof HTTPException) return error.getResponse()
    throw error
  }
  throw new Error('it was let in')
}

test('so many are let in, and no more', () => {
  const { enter } = createAdmission(3)
  const leave = enter(2)
  expect(refusal(() => enter(2)).status).toBe(429)
  enter(1)
  leave()
  leave()
  enter(2)
  expect(refusal(() => enter(1)).status).toBe(429)
  expect(refusal(() => enter(4)).status).toBe(400)
})

test('the time to come again follows the pace at which texts end', () => {
  let now = 0
  const admission = createAdmission(40, () => now)
  const leaves = Array.from({ length: 40 }, () => admission.enter(1))
  const after = (): number => Number(refusal(() => admission.enter(30)).headers.get('retry-after'))
  expect(after()).toBe(3)
  for (let i = 0; i < 30; i++) {
    now += 2000
    leaves.shift()!()
    leaves.push(admission.enter(1))
  }
  expect(after()).toBeGreaterThan(50)
  expect(after()).toBeLessThanOrEqual(60)
})

test('closed, nobody comes in, and those inside are waited for', async () => {
  const admission = createAdmission(3)
  const leave = admission.enter(1)
  admission.close()
  expect(refusal(() => admission.enter(1)).status).toBe(503)
  let isIdle = false
  const idle = admission.idle().then(() => (isIdle = true))
  await Promise.resolve()
  expect(isIdle).toBe(false)
  leave()
  expect(await idle).toBe(true)
})
