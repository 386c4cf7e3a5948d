// Run as a process of its own: takes the lock, writes all rows for ever, a number higher each time, and prints each number
// once it is flushed.
import process from 'node:process'
import { setTimeout } from 'node:timers/promises'
import { lmdbRows } from '../index.ts'
import { allRows, bytesOf } from './rounds.ts'

const [path = '', first = ''] = process.argv.slice(2)
const driver = await lmdbRows(path)
await driver.lock!()
for (let round = Number(first); ; round++) {
  await driver.write!(allRows, bytesOf(round))
  await driver.meta!.put!('round', new TextEncoder().encode(String(round)))
  await driver.flush!()
  process.stdout.write(`${round}\n`)
  await setTimeout(1)
}
