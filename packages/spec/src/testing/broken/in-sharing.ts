import { StemkitError } from '../../errors.ts'
import { type Fault } from './fault.ts'
import { snapshot, tick } from './slow-rows.ts'

/** In growing, and in what others who open the same rows see. */
export const IN_SHARING: readonly Fault[] = [
  [
    'needs a row to grow from',
    {
      outside: (driver) => ({
        resize: async (rows, options) => {
          if (driver.rows === 0) throw new StemkitError('bad-input', 'there are no rows yet')
          await driver.resize(rows, options)
        },
      }),
    },
    ['resize: adds rows where there are none yet'],
  ],
  [
    'loses rows when it grows',
    {
      outside: (driver) => ({
        resize: async (rows, options) => {
          await driver.resize(rows, options)
          driver.medium.bytes.fill(0, 32 * driver.rowBytes)
        },
      }),
    },
    [
      'resize: adds zeroed rows at the end and keeps the others',
      'resize: may overlap reads and writes of rows that are there',
    ],
  ],
  [
    'has garbage in the rows that it grew by',
    {
      outside: (driver) => ({
        resize: async (rows, options) => {
          const before = driver.rows
          await driver.resize(rows, options)
          driver.medium.bytes.fill(0xcc, before * driver.rowBytes)
        },
      }),
    },
    ['resize: adds zeroed rows at the end and keeps the others'],
  ],
  [
    'shrinks',
    {
      outside: (driver) => ({
        resize: async (rows, options) => {
          if (rows > 0 && rows < driver.rows) {
            driver.medium.rows = rows
            driver.medium.bytes = driver.medium.bytes.slice(0, rows * driver.rowBytes)
          } else await driver.resize(rows, options)
        },
      }),
    },
    ['resize: to as many rows changes nothing, to fewer is refused'],
  ],
  [
    'has no resize, and is not exempt from it',
    { outside: () => ({ resize: undefined as never }) },
    ['resize: adds zeroed rows at the end and keeps the others', 'reopen: finds as many rows as there were resized to'],
  ],
  [
    'gives its lock to everybody',
    { outside: (driver) => ({ lock: async (options) => ((driver.medium.holder = undefined), driver.lock(options)) }) },
    ['lock: is held by one at a time', 'lock: keeps out whoever else has opened the same rows'],
  ],
  [
    'gives its lock to all who race for it',
    {
      lock: async (_, take) => {
        await tick()
        take()
      },
    },
    ['lock: of those that race for it exactly one gets it'],
  ],
  [
    'releases a lock for a later holder too',
    {
      outside: (driver) => ({
        lock: async (options) => {
          const { lost } = await driver.lock(options)
          return { lost, release: async () => void (driver.medium.holder = undefined) }
        },
      }),
    },
    ['lock: is held by one at a time'],
  ],
  [
    'locks among those only who use one object',
    {
      outside: () => {
        let held = false
        return {
          lock: async () => {
            if (held) throw new StemkitError('conflict', 'this object is locked')
            held = true
            return { lost: new AbortController().signal, release: async () => void (held = false) }
          },
        }
      },
    },
    ['lock: keeps out whoever else has opened the same rows'],
  ],
  ['keeps its lock when disposed', { leavesLock: true }, ['lock: is free once its holder is disposed']],
  [
    'forgets rows at a flush',
    { flush: (medium) => void (medium.kept = snapshot({ ...medium, bytes: medium.kept.bytes })) },
    ['reopen: finds what was flushed, before and after its writer is disposed'],
  ],
  [
    'flushes without waiting for writes under way',
    {
      touches: ({ all, ...rest }) => (all === 'before' ? rest : { ...rest, ...(all && { all }) }),
    },
    ['reopen: finds what was flushed, before and after its writer is disposed'],
  ],
  [
    'forgets metas at a flush',
    { flush: (medium) => void (medium.kept = snapshot({ ...medium, metas: new Map() })) },
    ['reopen: finds the metas that were flushed, and their versions'],
  ],
  [
    'forgets at a flush that it grew',
    {
      flush: (medium) => {
        medium.kept = snapshot({ ...medium, rows: 64, bytes: medium.bytes.slice(0, 64 * 48) })
      },
    },
    ['reopen: finds as many rows as there were resized to'],
  ],
  [
    'declares no durability but loses rows while others are open',
    {
      durability: 'none',
      outside: (driver) => ({
        flush: async () => {
          await driver.flush()
          driver.medium.bytes.fill(0)
        },
      }),
    },
    ['reopen: finds what was flushed, before and after its writer is disposed'],
  ],
]
