import { StemkitError } from '@stemkit/spec/errors'
import { valueBytes, type RowDtype, type RowLayout } from '@stemkit/store'
import { parseSafetensors, serializeSafetensors, type Dtype, type Safetensors } from '@stemkit/weights'
import * as z from 'zod'
import { parseKeptEdit, type KeptEdit } from '../stored/edit-note.ts'
import { sha256 } from './content-hash.ts'

/** What a patch file says of itself. */
export interface PatchHeader {
  readonly name: string
  readonly edits: readonly KeptEdit[]
  /** `tableHash` of the rows that it is for. */
  readonly base: string
  readonly rows: number
  readonly layout: Omit<RowLayout, 'state'>
  /** `vocabularyHash` of the tokenizer that named the tokens. */
  readonly vocabulary?: string | undefined
}

/** Changed rows. */
export interface Patch extends PatchHeader {
  /** Ascending. */
  readonly tokens: Uint32Array
  /** The values of each [n, valueBytes(layout)]. */
  readonly values: Uint8Array
}

/*
 * A safetensors file: `tokens` U32 [n], and `rows` [n, L, w] in the dtype of the table (U8 [n, bytes] where rows are int8, or
 * padded). Its metadata: `format`, `version`, `patch` (the header as JSON), and `sha256`, of the whole file with zeros in the
 * place of these 64 digits.
 */
const FORMAT = 'stemkit-patch'
const VERSION = '1'
const ZEROS = '0'.repeat(64)
const DTYPES: Readonly<Record<RowDtype, Dtype>> = { f32: 'F32', f16: 'F16', bf16: 'BF16', int8: 'U8' }

const headerSchema = z.strictObject({
  name: z.string(),
  edits: z.array(z.unknown()).min(1),
  base: z.string(),
  rows: z.int().positive(),
  layout: z.strictObject({
    layers: z.int().positive(),
    width: z.int().positive(),
    dtype: z.enum(['f32', 'f16', 'bf16', 'int8']),
  }),
  vocabulary: z.string().optional(),
})

export async function writePatch({ tokens, values, ...header }: Patch): Promise<Uint8Array> {
  const { shape, dtype } = rowsTensor(header.layout, tokens.length)
  const file = serializeSafetensors(
    new Map([
      ['tokens', { dtype: 'U32', shape: [tokens.length], data: new Uint8Array(tokens.slice().buffer) }],
      ['rows', { dtype, shape, data: values }],
    ]),
    { format: FORMAT, version: VERSION, patch: JSON.stringify(header), sha256: ZEROS },
  )
  file.set(new TextEncoder().encode(await sha256(file)), placeOfDigest(file, ZEROS))
  return file
}

/**
 * @throws bad-input for what is no patch, unsupported for one of a newer format, corrupt for one that was changed since it
 *   was written
 */
export async function readPatch(bytes: Uint8Array): Promise<Patch> {
  const { tensors, metadata } = parse(bytes)
  if (metadata['format'] !== FORMAT) throw new StemkitError('bad-input', 'patch: this is no patch of edits')
  const version = metadata['version']
  if (version !== VERSION) {
    throw new StemkitError('unsupported', `patch: it has format ${version}, this release reads ${VERSION}; update it`)
  }
  const digest = metadata['sha256'] ?? ''
  const place = placeOfDigest(bytes, digest)
  if (digest.length !== ZEROS.length || place < 0) throw damaged()
  const zeroed = bytes.slice()
  zeroed.fill(0x30, place, place + ZEROS.length)
  if ((await sha256(zeroed)) !== digest) throw damaged()

  const header = parseHeader(metadata['patch'] ?? '')
  const [tokens, rows] = [tensors.get('tokens'), tensors.get('rows')]
  const count = tokens?.shape[0] ?? 0
  const { dtype, shape } = rowsTensor(header.layout, count)
  if (tokens?.dtype !== 'U32' || rows?.dtype !== dtype || `${rows.shape}` !== `${shape}` || count === 0) throw damaged()
  const ids = new Uint32Array(tokens.data.slice().buffer)
  if (ids.some((id, i) => id >= header.rows || (i > 0 && id <= ids[i - 1]!))) throw damaged()
  return { ...header, tokens: ids, values: rows.data }
}

function rowsTensor(layout: PatchHeader['layout'], count: number): { dtype: Dtype; shape: number[] } {
  const { layers, width, dtype } = layout
  const bytes = valueBytes({ ...layout, state: 'none' })
  const isPlain = dtype === 'f32' || (dtype !== 'int8' && bytes === 2 * layers * width)
  return isPlain ? { dtype: DTYPES[dtype], shape: [count, layers, width] } : { dtype: 'U8', shape: [count, bytes] }
}

function parse(bytes: Uint8Array): Safetensors {
  try {
    return parseSafetensors(bytes)
  } catch (error) {
    throw new StemkitError('corrupt', `patch: it was damaged, or is no patch (${(error as Error).message})`)
  }
}

function parseHeader(text: string): PatchHeader {
  try {
    const { edits, ...header } = headerSchema.parse(JSON.parse(text))
    return { ...header, edits: edits.map(parseKeptEdit) }
  } catch (cause) {
    throw new StemkitError('corrupt', 'patch: what it says of its edits makes no sense; export it anew', { cause })
  }
}

/** Where the digits stand. Inside the other strings of the metadata the quotes around them would be escaped. */
function placeOfDigest(file: Uint8Array, digest: string): number {
  const sought = new TextEncoder().encode(`"sha256":"${digest}"`)
  const before = '"sha256":"'.length
  for (let at = 8; at + sought.length <= file.length; at++) {
    if (sought.every((byte, i) => file[at + i] === byte)) return at + before
  }
  return -1
}

const damaged = (): StemkitError =>
  new StemkitError('corrupt', 'patch: it was changed or damaged since it was written; get it anew')
