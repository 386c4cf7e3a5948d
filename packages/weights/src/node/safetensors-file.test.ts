import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { StemkitError } from '@stemkit/spec/errors'
import { describe, expect, test } from 'vitest'
import { serializeSafetensors } from '../safetensors/serialize.ts'
import { memorySource, readAll, type Tensor } from '../tensor.ts'
import { oracleFolder, smallDisk, temporaryFolders } from '../testing/folders.ts'
import { numberedWeights, smallConfig } from '../testing/models.ts'
import { fromFloat32, toFloat32 } from '../values.ts'
import { openSafetensors, saveSafetensors } from './safetensors-file.ts'
import { writeFileAtomically } from './stage-file.ts'

const makeFolder = temporaryFolders()
const small = new Map<string, Tensor>([['x', fromFloat32(Float32Array.of(0, 1, 2, 3, 4, 5), [3, 2])]])
const big = (bytes: number): Map<string, Tensor> =>
  new Map([['x', { dtype: 'U8', shape: [bytes], data: new Uint8Array(bytes).fill(7) }]])

describe('a safetensors file', () => {
  test('is written as in memory, and read back', async () => {
    const path = join(makeFolder(), 'model.safetensors')
    const weights = numberedWeights(smallConfig())
    await saveSafetensors(path, weights, { metadata: { step: '7' } })
    expect(Buffer.compare(readFileSync(path), serializeSafetensors(weights, { step: '7' }))).toBe(0)
    const reader = await openSafetensors(path)
    expect(reader.metadata).toEqual({ step: '7' })
    expect(new Map([...(await readAll(reader))].toSorted())).toEqual(new Map([...weights].toSorted()))
    await reader.dispose()
  })

  test('gives up single tensors, single rows, and numbers in memory of the caller', async () => {
    const path = join(makeFolder(), 'x.safetensors')
    await saveSafetensors(path, small)
    const reader = await openSafetensors(path)
    const rows = await reader.read('x', { rows: { begin: 1, end: 3 } })
    expect([rows.shape, Array.from(toFloat32(rows))]).toEqual([
      [2, 2],
      [2, 3, 4, 5],
    ])
    const shared = new Float32Array(new SharedArrayBuffer(24))
    await reader.read('x', { into: new Uint8Array(shared.buffer) })
    expect(Array.from(shared)).toEqual([0, 1, 2, 3, 4, 5])
    await expect(reader.read('y')).rejects.toThrow(`${path}: there is no tensor 'y'`)
    await expect(reader.read('x', { rows: { begin: 2, end: 4 } })).rejects.toThrow(
      "rows 2 to 4 of 'x' are not within its shape [3, 2]",
    )
    await expect(reader.read('x', { into: new Uint8Array(4) })).rejects.toThrow("'x' needs 24 bytes, but `into` has 4")
    await reader.dispose()
  })

  test('is not read beyond what is asked for: a file of a terabyte costs its header', async () => {
    const path = join(makeFolder(), 'huge.safetensors')
    const header = JSON.stringify({
      a: { dtype: 'F32', shape: [2 ** 38], data_offsets: [0, 2 ** 40] },
      b: { dtype: 'F32', shape: [1], data_offsets: [2 ** 40, 2 ** 40 + 4] },
    }).padEnd(256)
    const start = Buffer.alloc(8)
    start.writeBigUInt64LE(256n)
    writeFileSync(path, Buffer.concat([start, Buffer.from(header)]))
    truncateSync(path, 8 + 256 + 2 ** 40 + 4)
    const reader = await openSafetensors(path)
    expect(Array.from(toFloat32(await reader.read('b')))).toEqual([0])
    expect(Array.from(toFloat32(await reader.read('a', { rows: { begin: 2 ** 37, end: 2 ** 37 + 2 } })))).toEqual([
      0, 0,
    ])
    await expect(reader.read('a')).rejects.toThrow(
      `not enough memory for the ${2 ** 40} bytes of 'a'; read it by \`rows\``,
    )
    await reader.dispose()
  })

  test('is refused with its path if it is cut, and said to be cut if that happens later', async () => {
    const path = join(makeFolder(), 'cut.safetensors')
    await saveSafetensors(path, small)
    const reader = await openSafetensors(path)
    truncateSync(path, statSync(path).size - 1)
    await expect(reader.read('x')).rejects.toThrow(`${path} ended at byte`)
    await reader.dispose()
    await expect(openSafetensors(path)).rejects.toThrow(
      `${path}: not a sound safetensors file: tensor "x" ends 1 bytes after the end`,
    )
    writeFileSync(path, 'short')
    await expect(openSafetensors(path)).rejects.toThrow(`${path}: not a sound safetensors file: it has 5 bytes`)
    await expect(openSafetensors(`${path}.gone`)).rejects.toMatchObject({
      code: 'not-found',
      message: `${path}.gone does not exist`,
    })
    await expect(openSafetensors(makeFolder())).rejects.toThrow(StemkitError)
  })

  test('of the reference cases opens', async () => {
    const reader = await openSafetensors(join(oracleFolder('stem-half'), 'expected.safetensors'))
    expect(reader.tensors.get('loss_mean')).toMatchObject({ dtype: 'F32', shape: [1] })
    await reader.dispose()
  })

  test('reports progress as one total', async () => {
    const path = join(makeFolder(), 'x.safetensors')
    const seen: number[] = []
    let total = 0
    await saveSafetensors(path, numberedWeights(smallConfig()), {
      onProgress: (progress) => {
        seen.push(progress.bytes)
        total = progress.totalBytes
      },
    })
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    expect([seen.at(-1), total]).toEqual([statSync(path).size, statSync(path).size])
  })
})

describe('a save that does not succeed leaves the old file and nothing else', () => {
  const unharmed = async (path: string): Promise<void> => {
    expect(readdirSync(join(path, '..'))).toEqual(['x.safetensors'])
    const reader = await openSafetensors(path)
    expect(await readAll(reader)).toEqual(small)
    await reader.dispose()
  }

  test('aborted before, or between two pieces', async () => {
    const path = join(makeFolder(), 'x.safetensors')
    await saveSafetensors(path, small)
    await expect(saveSafetensors(path, big(10), { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    })
    await unharmed(path)
    const controller = new AbortController()
    const onProgress = (): void => controller.abort(new Error('enough'))
    await expect(saveSafetensors(path, big(40e6), { signal: controller.signal, onProgress })).rejects.toThrow('enough')
    await unharmed(path)
  })

  test('the source failing, or giving other bytes than it promised', async () => {
    const path = join(makeFolder(), 'x.safetensors')
    await saveSafetensors(path, small)
    const failing = {
      ...memorySource(small),
      read: () => Promise.reject(new StemkitError('io', 'the disk caught fire')),
    }
    await expect(saveSafetensors(path, failing)).rejects.toThrow('the disk caught fire')
    await unharmed(path)
    const lying = {
      ...memorySource(small),
      read: async (): Promise<Tensor> => ({ ...small.get('x')!, data: new Uint8Array(3) }),
    }
    await expect(saveSafetensors(path, lying)).rejects.toThrow("'x' has 3 bytes, but F32 [3, 2] needs 24")
    await unharmed(path)
  })

  test('no folder', async () => {
    const path = join(makeFolder(), 'gone', 'x.safetensors')
    await expect(saveSafetensors(path, small)).rejects.toMatchObject({
      code: 'not-found',
      message: `${join(path, '..')} does not exist`,
    })
  })

  const disk = smallDisk(256)
  test.skipIf(disk === undefined)('a full disk, where one can be mounted', async () => {
    const path = join(disk!, 'x.safetensors')
    await saveSafetensors(path, small)
    await expect(saveSafetensors(path, big(1e6))).rejects.toMatchObject({
      code: 'io',
      message: `no space left to write ${path} (ENOSPC); what was there before is unchanged`,
    })
    await unharmed(path)
  })
})

describe('any file', () => {
  test('is replaced whole, from text, bytes or pieces', async () => {
    const path = join(makeFolder(), 'note.txt')
    await writeFileAtomically(path, 'text')
    expect(readFileSync(path, 'utf8')).toBe('text')
    await writeFileAtomically(path, Uint8Array.of(104, 105))
    expect(readFileSync(path, 'utf8')).toBe('hi')
    await writeFileAtomically(path, [Buffer.from('a'), Buffer.from('b')])
    expect(readFileSync(path, 'utf8')).toBe('ab')
    const stuck = (function* () {
      yield Buffer.from('c')
      throw new Error('stuck')
    })()
    await expect(writeFileAtomically(path, stuck)).rejects.toThrow(`${path}: stuck`)
    expect(readFileSync(path, 'utf8')).toBe('ab')
  })
})
