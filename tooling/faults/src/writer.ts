import { writeSync } from 'node:fs'
import { once } from 'node:events'
import process from 'node:process'
import { setImmediate } from 'node:timers/promises'
import { createRowStore, createRowTable, recordBytes } from '@stemkit/store'
import { aroundRows, type Call } from './around-rows.ts'
import { BUDGET, fillRows, LAYOUT, newState, ROWS, stepsOf } from './history.ts'
import { openRows } from './open-rows.ts'
import { takeStep } from './take-step.ts'

// A process to be killed. Arguments: URL SEED STEPS CALL NTH MOMENT. Makes a table and takes the steps, saying what it does;
// at the nth such call of the driver it says so and stands still, until somebody kills it. Without, it comes to its end.

const [url, seed, count, fatal, nth, moment] = process.argv.slice(2)
const say = (line: string): void => void writeSync(1, `${line}\n`)

/** Nothing of this thread goes on; what the system and other threads have been asked for does. */
const standStill = (where: string): void => {
  say(where)
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}

const calls = new Map<Call, number>()
const driver = await openRows(url!, { create: { rows: ROWS, rowBytes: recordBytes(LAYOUT) } })
const watched = aroundRows(driver, async (call, work) => {
  const mine = (calls.get(call) ?? 0) + 1
  calls.set(call, mine)
  if (call !== fatal || mine !== Number(nth)) return work()
  if (moment === 'before') standStill(`at ${call} ${mine} before`)
  let settled = false
  const done = work().finally(() => (settled = true))
  // Asked for, and given one turn to begin.
  if (moment === 'during') await setImmediate()
  else await done
  standStill(`at ${call} ${mine} ${settled ? 'after' : 'during'}`)
  return done
})

let state = newState()
const table = await createRowTable({
  driver: watched,
  layout: LAYOUT,
  rows: ROWS,
  fill: (ids, into) => fillRows(state, ids, new Float32Array(into.buffer, into.byteOffset, into.byteLength / 4)),
})
const store = createRowStore({ table, budget: BUDGET })
say('version 1')
for (const [at, step] of stepsOf(Number(seed), Number(count)).entries()) {
  say(`step ${at}`)
  if (step.kind === 'pin') {
    say('pin')
    process.stdin.resume()
    await once(process.stdin, 'data')
    process.stdin.pause()
  }
  state = await takeStep(store, table, step, state)
  if (step.kind === 'snapshot') say(`version ${store.version}`)
}
const { evictions, prefetchUsed } = store.stats().cache!
await store.dispose()
say(`end ${JSON.stringify({ evictions, prefetchUsed, calls: Object.fromEntries(calls) })}`)
