import { check, metasOf, type Promises } from './bench.ts'
import { equal, pattern, range } from './bytes.ts'
import { checkAborts, checkRejects, rejection } from './settling.ts'
import { StemkitError } from '../../errors.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const GEOMETRY = { rows: 8, rowBytes: 16 }
const BAD_NAMES = ['', 'A', 'Root', '.x', '-x', '../x', 'a/b', 'a\\b', 'a b', 'a_b', 'ä', 'a\n', 'a\0']

/** What holds for read-only metas too. */
export const metaReads: Promises = {
  'meta: gives what was put, with a version, and nothing for an unknown name': async (bench) => {
    const metas = { root: bytes('one'), 'a.b-2': bytes('two'), '0': bytes(''), big: pattern(range(0, 1), 2 ** 20, 7) }
    const driver = await bench.filled(GEOMETRY, { metas })
    check(driver.meta !== undefined, 'the driver should have metas')
    for (const [name, expected] of Object.entries(metas)) {
      const meta = await driver.meta.get(name)
      check(meta !== undefined, `meta '${name}' should be there`)
      check(meta.bytes instanceof Uint8Array && equal(meta.bytes, expected), `meta '${name}' should have its bytes`)
      check(typeof meta.version === 'string' && meta.version !== '', `meta '${name}' should have a version`)
      check(
        (await driver.meta.get(name))?.version === meta.version,
        `meta '${name}' should keep its version unless put`,
      )
    }
    check((await driver.meta.get('other')) === undefined, 'a name that was never put should give undefined')
  },

  'meta: what was got belongs to the caller': async (bench) => {
    const driver = await bench.filled(GEOMETRY, { metas: { root: bytes('one') } })
    const meta = await driver.meta!.get('root')
    meta!.bytes.fill(0)
    check(
      equal((await driver.meta!.get('root'))!.bytes, bytes('one')),
      'overwriting what was got should change nothing',
    )
  },

  'meta: refuses to get what is no name': async (bench) => {
    const driver = await bench.filled(GEOMETRY, {})
    for (const name of BAD_NAMES) {
      await checkRejects(() => driver.meta!.get(name), 'bad-input', `getting meta ${JSON.stringify(name)}`)
    }
  },

  'meta: getting stops when aborted before it, and when disposed': async (bench) => {
    const driver = await bench.filled(GEOMETRY, { metas: { root: bytes('one') } })
    const reason = new Error('enough')
    await checkAborts(() => driver.meta!.get('root', { signal: AbortSignal.abort(reason) }), reason, 'a get')
    await driver.dispose()
    await checkRejects(() => driver.meta!.get('root'), undefined, 'a get after dispose')
  },
}

export const metaWrites: Promises = {
  'meta: is replaced as a whole and removed': async (bench) => {
    const meta = metasOf(await bench.open(GEOMETRY))
    for (const text of ['one', 'a much longer value', 'x', '']) {
      const version = await meta.put('root', bytes(text))
      const got = await meta.get('root')
      check(got !== undefined && equal(got.bytes, bytes(text)), `'${text}' was put and should come back`)
      check(got.version === version, 'get and put should agree on the version')
    }
    await meta.put('other', bytes('stays'))
    await meta.remove('root')
    check((await meta.get('root')) === undefined, 'a removed meta should be gone')
    await meta.remove('root')
    check(equal((await meta.get('other'))!.bytes, bytes('stays')), 'another name should be left alone')
  },

  'meta: keeps a copy, the buffer belongs to the caller': async (bench) => {
    const meta = metasOf(await bench.open(GEOMETRY))
    const value = bytes('one')
    await meta.put('root', value)
    value.fill(0)
    check(equal((await meta.get('root'))!.bytes, bytes('one')), 'overwriting what was put should change nothing')
    const whole = bytes('<part>')
    await meta.put('root', whole.subarray(1, 5))
    check(equal((await meta.get('root'))!.bytes, bytes('part')), 'a part of a larger buffer should be put as that part')
  },

  'meta: a put only goes over the version that it names': async (bench) => {
    const meta = metasOf(await bench.open(GEOMETRY))
    const first = await meta.put('root', bytes('one'), { ifVersion: null })
    const second = await meta.put('root', bytes('two'), { ifVersion: first })
    for (const ifVersion of [first, null, 'no such version', '']) {
      await checkRejects(
        () => meta.put('root', bytes('lost'), { ifVersion }),
        'conflict',
        `a put over ${ifVersion === first ? 'a version that was replaced' : `version ${ifVersion}`}`,
      )
    }
    const got = await meta.get('root')
    check(equal(got!.bytes, bytes('two')) && got!.version === second, 'a refused put should change nothing')
    await checkRejects(() => meta.put('none', bytes('x'), { ifVersion: second }), 'conflict', 'a put over nothing')
    check((await meta.get('none')) === undefined, 'a refused put should make nothing')
    await meta.remove('root')
    await checkRejects(() => meta.put('root', bytes('x'), { ifVersion: second }), 'conflict', 'a put over what is gone')
    await meta.put('root', bytes('again'), { ifVersion: null })
    check(equal((await meta.get('root'))!.bytes, bytes('again')), 'what was put after a removal should be there')
  },

  'meta: no version comes twice, for equal bytes or after a removal': async (bench) => {
    const meta = metasOf(await bench.open(GEOMETRY))
    const versions: string[] = []
    for (let time = 0; time < 4; time++) {
      versions.push(await meta.put('root', bytes('same')))
      versions.push(await meta.put('root', bytes('same')))
      await meta.remove('root')
    }
    check(new Set(versions).size === 8, `eight puts should give eight versions, they gave ${versions.join(', ')}`)
  },

  'meta: of puts that race over one version exactly one wins': async (bench) => {
    const driver = await bench.open(GEOMETRY)
    await driver.flush?.()
    const openers = bench.reopen === undefined ? [driver] : [driver, await bench.reopen(driver)]
    const metas = openers.map(metasOf)
    let over: string | null = null
    for (let round = 0; round < 5; round++) {
      const ifVersion = over
      const racers: { value: Uint8Array; put: Promise<string> }[] = Array.from({ length: 8 }, (_, at) => {
        const value = bytes(`round ${round}, racer ${at}`)
        return { value, put: metas[at % metas.length]!.put('root', value, { ifVersion }) }
      })
      const errors = await Promise.all(racers.map(({ put }) => rejection(put)))
      const winners = racers.filter((_, at) => errors[at] === undefined)
      check(winners.length === 1, `one of eight racing puts should win, ${winners.length} did`)
      for (const error of errors) {
        const lost = error === undefined || (StemkitError.isInstance(error) && error.code === 'conflict')
        check(lost, `a put that loses should reject with 'conflict', not ${String(error)}`)
      }
      const { value, put } = winners[0]!
      for (const meta of metas) {
        const got = await meta.get('root')
        check(got !== undefined && equal(got.bytes, value), 'the bytes of the winner should be there')
        check(got.version === (await put), 'the version of the winner should be there')
      }
      over = await put
    }
  },

  'meta: calls on one name take effect in the order in which they are made': async (bench) => {
    const meta = metasOf(await bench.open(GEOMETRY))
    const calls: Promise<unknown>[] = []
    for (let time = 0; time < 10; time++) {
      // Long and short in turn, so that a later call may well be done sooner.
      const value = pattern(Uint32Array.of(time), time % 2 === 0 ? 50_000 : 5, 1)
      calls.push(meta.put('root', value))
      calls.push(
        meta
          .get('root')
          .then((got) => check(got !== undefined && equal(got.bytes, value), `get ${time} should see put ${time}`)),
      )
    }
    calls.push(meta.remove('root'))
    calls.push(meta.get('root').then((got) => check(got === undefined, 'a get after a remove should see none')))
    await Promise.all(calls)
  },

  'meta: refuses to put or remove what is no name': async (bench) => {
    const meta = metasOf(await bench.open(GEOMETRY))
    for (const name of BAD_NAMES) {
      await checkRejects(() => meta.put(name, bytes('x')), 'bad-input', `putting meta ${JSON.stringify(name)}`)
      await checkRejects(() => meta.remove(name), 'bad-input', `removing meta ${JSON.stringify(name)}`)
    }
  },

  'meta: putting and removing stop when aborted before them, and when disposed': async (bench) => {
    const driver = await bench.open(GEOMETRY)
    const meta = metasOf(driver)
    await meta.put('root', bytes('one'))
    const reason = new Error('enough')
    const signal = AbortSignal.abort(reason)
    await checkAborts(() => meta.put('root', bytes('two'), { signal }), reason, 'a put')
    await checkAborts(() => meta.remove('root', { signal }), reason, 'a remove')
    check(equal((await meta.get('root'))!.bytes, bytes('one')), 'aborted calls should change nothing')
    await driver.dispose()
    await checkRejects(() => meta.put('root', bytes('two')), undefined, 'a put after dispose')
    await checkRejects(() => meta.remove('root'), undefined, 'a remove after dispose')
  },
}
