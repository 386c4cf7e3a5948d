import { StemkitError } from '../../errors.ts'
import { read, write, type Breakage, type Fault } from './fault.ts'
import { newMedium, tick, type Medium } from './slow-rows.ts'

/** In what is read and written, and in what is refused. */
export const IN_ROWS: readonly Fault[] = [
  ['claims other rows than it has', { outside: () => ({ rows: 63 }) }, ['rows: reports its geometry and durability']],
  [
    'gives rows in another order than asked',
    {
      outside: (driver) =>
        read(async (ids, into, options) => {
          await driver.read(ids, into, options)
          const rows = Array.from(ids, (_, i) => into.slice(i * driver.rowBytes, (i + 1) * driver.rowBytes))
          rows.toReversed().forEach((row, i) => into.set(row, i * driver.rowBytes))
        }),
    },
    ['rows: come back byte for byte in the order of the ids'],
  ],
  [
    'reads short: the last byte is left out',
    {
      outside: (driver) =>
        read(async (ids, into, options) => {
          const all = new Uint8Array(into.length)
          await driver.read(ids, all, options)
          into.set(all.subarray(0, -1))
        }),
    },
    ['rows: come back byte for byte in the order of the ids', 'rows: may be of any size and number'],
  ],
  [
    'cannot read no rows',
    {
      outside: (driver) =>
        read(async (ids, into, options) => {
          if (ids.length === 0) throw new StemkitError('bad-input', 'there are no rows to read')
          await driver.read(ids, into, options)
        }),
    },
    ['rows: reading none is no error'],
  ],
  [
    'cannot write no rows',
    {
      outside: (driver) =>
        write(async (ids, from, options) => {
          if (ids.length === 0) throw new StemkitError('bad-input', 'there are no rows to write')
          await driver.write(ids, from, options)
        }),
    },
    ['writes: writing none is no error'],
  ],
  [
    'keeps the first 64 KiB of a row',
    {
      outside: (driver) =>
        read(async (ids, into, options) => {
          await driver.read(ids, into, options)
          if (driver.rowBytes > 2 ** 16) ids.forEach((_, i) => into.fill(0, i * driver.rowBytes + 2 ** 16))
        }),
    },
    ['rows: may be of any size and number'],
  ],
  [
    'reads into the start of the buffer behind the view',
    {
      outside: (driver) =>
        read((ids, into, options) => driver.read(ids, new Uint8Array(into.buffer, 0, into.length), options)),
    },
    ['rows: are read into a part of a larger buffer, and nowhere else'],
  ],
  [
    'writes from the start of the buffer behind the view',
    {
      outside: (driver) =>
        write((ids, from, options) => driver.write(ids, new Uint8Array(from.buffer, 0, from.length), options)),
    },
    ['writes: take a part of a larger buffer'],
  ],
  [
    'caches the buffer that it read into',
    {
      outside: (driver) => {
        const cache = new Map<string, Uint8Array>()
        return read(async (ids, into, options) => {
          const known = cache.get(ids.join())
          if (known) into.set(known)
          else await driver.read(ids, into, options)
          cache.set(ids.join(), into)
        })
      },
    },
    ['rows: what was read belongs to the caller'],
  ],
  [
    'reads through one scratch buffer',
    {
      outside: (driver) => {
        let scratch = new Uint8Array(0)
        return read(async (ids, into, options) => {
          if (scratch.length < into.length) scratch = new Uint8Array(into.length)
          await driver.read(ids, scratch.subarray(0, into.length), options)
          await tick()
          into.set(scratch.subarray(0, into.length))
        })
      },
    },
    ['rows: many reads may overlap'],
  ],
  [
    'checks nothing',
    { unchecked: true },
    [
      'refuses: to read what is no row',
      'refuses: to read into a buffer of another size',
      'refuses: to read ids that are unsorted or there twice',
      'refuses: to write what is no row, of another size, unsorted or there twice; nothing is changed',
    ],
  ],
  [
    'refuses with an error of its own',
    {
      outside: (driver) =>
        read((ids, into, options) =>
          driver.read(ids, into, options).catch((error: unknown) => {
            throw StemkitError.isInstance(error) ? new RangeError(error.message) : error
          }),
        ),
    },
    ['refuses: to read what is no row', 'dispose: refuses reads after it, and may be called twice'],
  ],
  [
    'refuses with another code',
    {
      outside: (driver) =>
        read((ids, into, options) =>
          driver.read(ids, into, options).catch((error: unknown) => {
            throw StemkitError.isInstance(error) ? new StemkitError('io', error.message) : error
          }),
        ),
    },
    ['refuses: to read into a buffer of another size'],
  ],
  [
    'throws instead of rejecting',
    {
      outside: (driver) =>
        read((ids, into, options) => {
          if (ids.some((id) => id >= driver.rows)) throw new StemkitError('bad-input', 'there is no such row')
          return driver.read(ids, into, options)
        }),
    },
    ['refuses: to read what is no row'],
  ],
  [
    'writes the good rows of a call that it refuses',
    {
      outside: (driver) =>
        write(async (ids, from, options) => {
          const good = ids.filter((id) => id < driver.rows).toSorted()
          const complete = from.length === ids.length * driver.rowBytes && new Set(good).size === good.length
          if (complete) await driver.write(good, from.subarray(0, good.length * driver.rowBytes), options)
          await driver.write(ids, from, options)
        }),
    },
    ['refuses: to write what is no row, of another size, unsorted or there twice; nothing is changed'],
  ],
  [
    'has garbage in new rows',
    {
      medium: (geometry) => {
        const medium = newMedium(geometry)
        medium.bytes.fill(0xcc)
        return medium
      },
    },
    ['writes: rows never written are zero'],
  ],
  [
    'reads stale rows: keeps what it read first',
    {
      outside: (driver) => {
        const cache = new Map<string, Uint8Array>()
        return read(async (ids, into, options) => {
          const known = cache.get(ids.join())
          if (known) into.set(known)
          else await driver.read(ids, into, options)
          cache.set(ids.join(), into.slice())
        })
      },
    },
    ['writes: change the rows that are named, and no others'],
  ],
  [
    'writes over the rows between those named',
    {
      write: async ({ bytes }, ids, from, rowBytes) => {
        await tick()
        ids.forEach((id, i) => {
          const until = ids[i + 1] ?? id + 1
          for (let place = id; place < until; place++) {
            bytes.set(from.subarray(i * rowBytes, (i + 1) * rowBytes), place * rowBytes)
          }
        })
      },
    },
    ['writes: change the rows that are named, and no others'],
  ],
  [
    'keeps the written buffer by reference',
    {
      outside: (driver) => {
        const kept = new Map<number, Uint8Array>()
        return {
          ...write(async (ids, from) =>
            ids.forEach((id, i) => kept.set(id, from.subarray(i * driver.rowBytes, (i + 1) * driver.rowBytes))),
          ),
          ...read(async (ids, into) =>
            ids.forEach((id, i) => into.set(kept.get(id) ?? new Uint8Array(driver.rowBytes), i * driver.rowBytes)),
          ),
        }
      },
    },
    ['writes: keep a copy, the buffer belongs to the caller'],
  ],
  [
    'is one and the same for all who open new rows',
    {
      medium: ((): Breakage['medium'] => {
        const media = new Map<string, Medium>()
        return (geometry) => {
          const key = JSON.stringify(geometry)
          const medium = media.get(key) ?? newMedium(geometry)
          media.set(key, medium)
          return medium
        }
      })()!,
    },
    ['writes: to new rows leave other rows alone'],
  ],
]
