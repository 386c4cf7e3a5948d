import type { Meta } from '../../row-driver.ts'
import { meta, omit, type Fault } from './fault.ts'
import { tick } from './slow-rows.ts'

/** In metas. */
export const IN_METAS: readonly Fault[] = [
  [
    'mangles metas',
    {
      outside: (driver) =>
        meta(driver, { put: (name, bytes, options) => driver.meta.put(name, bytes.slice(0, 2 ** 16), options) }),
    },
    ['meta: gives what was put, with a version, and nothing for an unknown name'],
  ],
  [
    'gives its own copy of a meta away',
    {
      outside: (driver) => {
        const given = new Map<string, Meta>()
        return meta(driver, {
          get: async (name, options) => {
            const got = given.get(name) ?? (await driver.meta.get(name, options))
            if (got) given.set(name, got)
            return got
          },
        })
      },
    },
    ['meta: what was got belongs to the caller'],
  ],
  [
    'keeps the bytes of a put by reference',
    {
      outside: (driver) => {
        const put = new Map<string, Uint8Array>()
        return meta(driver, {
          get: async (name, options) => {
            const got = await driver.meta.get(name, options)
            return got && { ...got, bytes: put.get(name)! }
          },
          put: async (name, bytes, options) => {
            const version = await driver.meta.put(name, bytes, options)
            put.set(name, bytes)
            return version
          },
        })
      },
    },
    ['meta: keeps a copy, the buffer belongs to the caller'],
  ],
  [
    'takes any name of a meta',
    {
      outside: (driver) => {
        const escape = (name: string): string => `x${[...name].map((letter) => letter.codePointAt(0)).join('-')}`
        return meta(driver, {
          get: (name, options) => driver.meta.get(escape(name), options),
          put: (name, bytes, options) => driver.meta.put(escape(name), bytes, options),
          remove: (name, options) => driver.meta.remove(escape(name), options),
        })
      },
    },
    ['meta: refuses to get what is no name', 'meta: refuses to put or remove what is no name'],
  ],
  [
    'removes nothing',
    { outside: (driver) => meta(driver, { remove: async () => undefined }) },
    ['meta: is replaced as a whole and removed', 'meta: refuses to put or remove what is no name'],
  ],
  [
    'puts whatever the version',
    {
      outside: (driver) =>
        meta(driver, {
          put: (name, bytes, options = {}) => driver.meta.put(name, bytes, omit(options, 'ifVersion')),
        }),
    },
    [
      'meta: a put only goes over the version that it names',
      'meta: of puts that race over one version exactly one wins',
    ],
  ],
  [
    'loses the race of puts: checks, waits, puts',
    {
      touches: (touches) => omit(touches, 'name'),
      put: async (_, put) => {
        await tick()
        return put()
      },
    },
    ['meta: of puts that race over one version exactly one wins'],
  ],
  [
    'has versions that are those of the bytes',
    {
      outside: (driver) =>
        meta(driver, {
          put: async (name, bytes, options) => {
            await driver.meta.put(name, bytes, options)
            const version = `of ${bytes.join()}`
            driver.medium.metas.set(name, { bytes: bytes.slice(), version })
            return version
          },
        }),
    },
    ['meta: no version comes twice, for equal bytes or after a removal'],
  ],
  [
    'lets a later put overtake an earlier one',
    {
      outside: (driver) =>
        meta(driver, {
          put: async (name, bytes, options) => {
            // The more bytes, the longer it takes.
            for (let i = 0; i < bytes.length; i += 10_000) await tick()
            return driver.meta.put(name, bytes, options)
          },
        }),
    },
    ['meta: calls on one name take effect in the order in which they are made'],
  ],
]
