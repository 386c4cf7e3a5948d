import { StemkitError } from '@stemkit/spec/errors'
import { checkGeometry } from '@stemkit/spec/row-calls'
import type { RowGeometry } from '@stemkit/spec/row-driver'
import { randomUUID } from 'node:crypto'
import type { Router } from './router.ts'
import { CREATE, RESIZE } from './scripts.ts'
import type { Reply } from './server.ts'
import { shardsOf, type Shard } from './slots.ts'
import { allOf } from './waiting.ts'

const FORMAT = '1'
/** A string of Redis has at most 512 MB; a row that long would hold everything else up. */
export const MOST_ROW_BYTES = 2 ** 28
export const MOST_SHARDS = 256

export interface ShardedGeometry extends RowGeometry {
  readonly shards: number
}

/** @throws conflict where there are rows already, or what is left of some */
export async function createRows(
  where: string,
  router: Router,
  home: Shard,
  prefix: string,
  { rows, rowBytes, shards }: ShardedGeometry,
  signal: AbortSignal | undefined,
): Promise<void> {
  checkGeometry({ rows, rowBytes }, where, MOST_ROW_BYTES)
  // Rows without a geometry: their home came back empty, their other nodes did not.
  const checkEmpty = async ({ keys, slot }: Shard, stop: AbortSignal): Promise<void> => {
    const [mark] = await router.send(slot, [['EXISTS', `${keys}mark`]], stop)
    if (mark === 0) return
    throw new StemkitError(
      'conflict',
      `${where}: there are rows of this name already, on ${router.serverOf(slot).name}; take another prefix, or delete the keys that begin with {${prefix}`,
    )
  }
  const args = [randomUUID(), String(rows), String(rowBytes), String(shards)]
  const exists = (await readGeometry(router, home, signal)) !== undefined
  if (!exists) await allOf(shardsOf(prefix, shards), checkEmpty, signal)
  const [made] = await router.send(home.slot, [['EVAL', CREATE, '1', `${home.keys}geometry`, ...args]], signal)
  if (String(made) !== 'ok') {
    throw new StemkitError(
      'conflict',
      `${where}: there are some already; open them without 'create', or take another prefix`,
    )
  }
}

/** @throws not-found; unsupported for a later format */
export async function describeRows(
  where: string,
  router: Router,
  home: Shard,
  signal: AbortSignal | undefined,
): Promise<ShardedGeometry> {
  const found = await readGeometry(router, home, signal)
  if (found === undefined) {
    throw new StemkitError('not-found', `${where}: there are none; make them with 'create', or look at the prefix`)
  }
  const [format, ...numbers] = found
  if (format !== FORMAT) {
    throw new StemkitError('unsupported', `${where}: format ${format}, this stemkit reads ${FORMAT}: use a later one`)
  }
  const [rows = 0, rowBytes = 0, shards = 0] = numbers.map(Number)
  return { rows, rowBytes, shards }
}

/** Resolves to the number of rows there are then: somebody else may have made more. */
export async function growRows(
  where: string,
  router: Router,
  home: Shard,
  rows: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  const [reply] = await router.send(home.slot, [['EVAL', RESIZE, '1', `${home.keys}geometry`, String(rows)]], signal)
  if (Number(reply) < 0) throw new StemkitError('io', `${where}: they are gone`)
  return Number(reply)
}

async function readGeometry(
  router: Router,
  home: Shard,
  signal: AbortSignal | undefined,
): Promise<string[] | undefined> {
  const fields = ['format', 'rows', 'rowBytes', 'shards']
  const [reply] = await router.send(home.slot, [['HMGET', `${home.keys}geometry`, ...fields]], signal)
  const values = reply as readonly Reply[]
  return values.includes(null) ? undefined : values.map(String)
}
