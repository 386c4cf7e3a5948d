import { writeSync } from 'node:fs'
import process from 'node:process'
import { nodeFileSystem, type OpenFile } from '../file-system.ts'
import { intercept } from './intercept.ts'
import { stepsOf, takeSteps } from './steps.ts'

// Arguments: FOLDER SEED STEPS OPERATION. Takes the steps and kills itself at that operation of the file system: in turn
// before it, after it and, if it writes, half-way. Prints the number of each step as it begins, then that of operations.

const [folder, ...numbers] = process.argv.slice(2)
const [seed, count, fatal] = numbers.map(Number)
let operations = 0

const die = (): Promise<never> => {
  process.kill(process.pid, 'SIGKILL')
  return new Promise(() => {})
}

const files = intercept(nodeFileSystem, async ({ name, file, args }, work) => {
  if (++operations !== fatal) return work()
  if (name === 'write') {
    const [from, at] = args as Parameters<OpenFile['write']>
    const bytes = Buffer.concat(from)
    await file!.write([bytes.subarray(0, bytes.length >> 1)], at)
  } else if (fatal % 2 === 0) {
    await Promise.allSettled([work()])
  }
  return die()
})

const say = (line: string): void => void writeSync(1, `${line}\n`)
await takeSteps(folder!, files, stepsOf(seed!, count!), (step) => say(`step ${step}`))
say(`operations ${operations}`)
