import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readAll, type Tensor } from '../tensor.ts'
import { oracleFolder, smallDisk, temporaryFolders } from '../testing/folders.ts'
import { numberedWeights, smallConfig } from '../testing/models.ts'
import { readModelFolder, writeModelFolder } from './model-folder.ts'

const makeFolder = temporaryFolders()
const config = smallConfig({ feedForwards: ['dense', 'stem', 'dense'] })
const weights = numberedWeights(config)
const INDEX = 'model.safetensors.index.json'

const sorted = (tensors: ReadonlyMap<string, Tensor>): [string, Tensor][] =>
  [...tensors].toSorted(([a], [b]) => (a < b ? -1 : 1))

const expectModel = async (folder: string, expected = weights): Promise<void> => {
  const model = await readModelFolder(folder)
  expect(model.config).toEqual(config)
  expect(sorted(await readAll(model.tensors))).toEqual(sorted(expected))
  await model.dispose()
}

describe('a model folder', () => {
  test.each(['dense', 'stem-third', 'stem-half', 'stem-full', 'stem-full-docmask', 'gqa-stem', 'hash-moe', 'edit'])(
    'of the reference case %s opens as it is',
    async (name) => {
      const model = await readModelFolder(oracleFolder(name))
      expect(model.tokenizerPath).toBeUndefined()
      expect((await model.tensors.read('model.norm.weight')).shape).toEqual([model.config.dim])
      await model.dispose()
    },
  )

  test('is written and read back: config, tensors, tokenizer and further files', async () => {
    const folder = join(makeFolder(), 'new', 'model')
    const files = new Map([['tokenizer_config.json', '{}']])
    await writeModelFolder(
      folder,
      { config, tensors: weights, tokenizerJson: { version: '1.0' }, files },
      { metadata: { step: '3' } },
    )
    expect(readdirSync(folder)).toEqual(['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'])
    await expectModel(folder)
    const model = await readModelFolder(folder)
    expect(model.tensors.metadata).toEqual({ step: '3' })
    expect(JSON.parse(readFileSync(model.tokenizerPath!, 'utf8'))).toEqual({ version: '1.0' })
    await model.dispose()
  })

  test('keeps the text of a tokenizer as it is', async () => {
    const folder = makeFolder()
    await writeModelFolder(folder, { config, tensors: weights, tokenizerJson: '{ "version":"1.0" }' })
    expect(readFileSync(join(folder, 'tokenizer.json'), 'utf8')).toBe('{ "version":"1.0" }')
  })

  test('shares large models out over shards, of which none is too large', async () => {
    const folder = makeFolder()
    await writeModelFolder(folder, { config, tensors: weights }, { maxShardBytes: 6000 })
    const shards = readdirSync(folder).filter((file) => file.endsWith('.safetensors'))
    expect(shards.length).toBeGreaterThan(2)
    expect(shards[0]).toBe(`model-00001-of-0000${shards.length}.safetensors`)
    const index = JSON.parse(readFileSync(join(folder, INDEX), 'utf8')) as {
      metadata: { total_size: number }
      weight_map: Record<string, string>
    }
    expect(Object.keys(index.weight_map).toSorted()).toEqual([...weights.keys()].toSorted())
    expect(index.metadata.total_size).toBe([...weights.values()].reduce((sum, { data }) => sum + data.byteLength, 0))
    for (const shard of shards) {
      const bytes = Object.entries(index.weight_map).flatMap(([name, file]) =>
        file === shard ? [weights.get(name)!.data.byteLength] : [],
      )
      expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(6000)
    }
    await expectModel(folder)
  })

  test('written over another has no files of that left', async () => {
    const folder = makeFolder()
    const other = new Map(
      [...weights].map(([name, tensor]) => [name, { ...tensor, data: tensor.data.map((byte) => byte ^ 1) }]),
    )
    writeFileSync(join(folder, 'notes.txt'), 'mine')
    await writeModelFolder(folder, { config, tensors: weights }, { maxShardBytes: 6000 })
    await writeModelFolder(folder, { config, tensors: other })
    expect(readdirSync(folder)).toEqual(['config.json', 'model.safetensors', 'notes.txt'])
    await expectModel(folder, other)
    await writeModelFolder(folder, { config, tensors: weights }, { maxShardBytes: 6000 })
    expect(readdirSync(folder)).not.toContain('model.safetensors')
    await expectModel(folder)
  })

  test('may be rewritten from itself', async () => {
    const folder = makeFolder()
    await writeModelFolder(folder, { config, tensors: weights })
    const model = await readModelFolder(folder)
    await writeModelFolder(folder, model, { maxShardBytes: 6000 })
    await model.dispose()
    await expectModel(folder)
  })

  test('without its tables opens where a store holds them', async () => {
    const folder = makeFolder()
    const rest = new Map([...weights].filter(([name]) => !name.includes('stem_table')))
    await expect(writeModelFolder(folder, { config, tensors: rest })).rejects.toThrow(
      'stem_table.weight [40, 24] is missing',
    )
    await writeModelFolder(folder, { config, tensors: rest, optionalTables: true })
    await expect(readModelFolder(folder)).rejects.toThrow(`${folder}: the weights do not fit the config`)
    await (await readModelFolder(folder, { optionalTables: true })).dispose()
  })
})

describe('a folder that is no sound model', () => {
  test('but holds one, as a run does, says where that is', async () => {
    const run = makeFolder()
    await writeModelFolder(join(run, 'model'), { config, tensors: weights })
    await expect(readModelFolder(run)).rejects.toMatchObject({
      code: 'not-found',
      message: `${join(run, 'config.json')} does not exist; the model of this run is in ${join(run, 'model')}`,
    })
  })

  const broken = async (change: (folder: string) => void, sharded = false): Promise<Promise<unknown>> => {
    const folder = makeFolder()
    await writeModelFolder(folder, { config, tensors: weights }, sharded ? { maxShardBytes: 6000 } : {})
    change(folder)
    return readModelFolder(folder)
  }
  const reindex = (change: (map: Record<string, string>) => void) => (folder: string) => {
    const index = JSON.parse(readFileSync(join(folder, INDEX), 'utf8')) as { weight_map: Record<string, string> }
    change(index.weight_map)
    writeFileSync(join(folder, INDEX), JSON.stringify(index))
  }
  const remove = (file: string) => (folder: string) => rmSync(join(folder, file))
  const write = (file: string, text: string) => (folder: string) => writeFileSync(join(folder, file), text)

  test.each([
    ['no folder', (folder: string) => rmSync(folder, { recursive: true }), /config\.json does not exist$/u],
    ['no config', remove('config.json'), /config\.json does not exist$/u],
    ['a config that is no JSON', write('config.json', '{'), /config\.json is not valid JSON$/u],
    ['a config with a key twice', write('config.json', '{"dim":1,"dim":2}'), /config\.json has "dim" twice$/u],
    ['a config with a typo', write('config.json', '{"dimm":1}'), /[^:]*config\.json: dim is missing$/u],
    ['no tensors', remove('model.safetensors'), /has no model\.safetensors and no weights\.safetensors$/u],
    [
      'tensors of another kind only',
      (folder: string) => {
        remove('model.safetensors')(folder)
        write('pytorch_model.bin', '')(folder)
      },
      /; pytorch_model\.bin must be saved as safetensors first$/u,
    ],
    [
      'tensors that are cut',
      write('model.safetensors', 'cut'),
      /model\.safetensors: not a sound safetensors file: it has 3 bytes/u,
    ],
  ])('%s', async (_, change, message) => {
    await expect(broken(change)).rejects.toThrow(message)
  })

  test.each([
    [
      'a shard that is missing',
      remove('model-00001-of-00006.safetensors'),
      /model-00001-of-00006\.safetensors does not exist$/u,
    ],
    [
      'a path out of the folder',
      reindex((map) => {
        map['lm_head.weight'] = '../other.safetensors'
      }),
      /says that "lm_head\.weight" is in "\.\.\/other\.safetensors", which is no file name/u,
    ],
    [
      'a tensor in the wrong shard',
      reindex((map) => {
        map['lm_head.weight'] = 'model-00006-of-00006.safetensors'
      }),
      /model-00006-of-00006\.safetensors: there is no tensor 'lm_head\.weight'/u,
    ],
    [
      'a tensor that is not listed',
      reindex((map) => {
        delete map['lm_head.weight']
      }),
      /lm_head\.weight \[40, 16\] is missing/u,
    ],
    ['an index of nothing', write(INDEX, '{}'), /the index of the shards has no weight_map of names to files/u],
    [
      'an index with a prototype',
      write(INDEX, '{"weight_map":{"__proto__":"a.safetensors"}}'),
      /has the name "__proto__", which is not allowed/u,
    ],
  ])('%s', async (_, change, message) => {
    await expect(broken(change, true)).rejects.toThrow(message)
  })

  test('an abort', async () => {
    const folder = makeFolder()
    await writeModelFolder(folder, { config, tensors: weights })
    await expect(readModelFolder(folder, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' })
  })

  const disk = smallDisk(96)
  test.skipIf(disk === undefined)('a full disk, where one can be mounted: all old files are left', async () => {
    const folder = join(disk!, 'model')
    const before = smallConfig({ layers: 1, feedForwards: ['dense'] })
    await writeModelFolder(folder, { config: before, tensors: numberedWeights(before) })
    const larger = smallConfig({ layers: 12, feedForwards: Array.from({ length: 12 }, () => 'stem') })
    await expect(
      writeModelFolder(folder, { config: larger, tensors: numberedWeights(larger) }, { maxShardBytes: 8000 }),
    ).rejects.toMatchObject({
      code: 'io',
      message: expect.stringContaining('no space left') as string,
    })
    expect(readdirSync(folder)).toEqual(['config.json', 'model.safetensors'])
    const model = await readModelFolder(folder)
    expect(model.config).toEqual(before)
    await model.dispose()
  })
})
