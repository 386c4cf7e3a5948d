import { StemkitError } from '@stemkit/spec/errors'
import type { Reply } from './server.ts'

/** Which write of a shard was the last: the generation of its writer, and a number that goes up with each write. */
export interface Mark {
  readonly generation: number
  readonly count: number
}

/** What these rows know of the marks on the servers, by which lost writes are noticed. */
export interface Ledger {
  /** Newest mark seen of each shard. */
  mark(shard: number): Mark
  /** Takes note of a mark that was found. Throws if it is older than `expected`, the newest one when it was asked for. */
  observe(shard: number, mark: Mark, expected: Mark): void
  /** Takes note of a mark that was made. */
  advance(shard: number, mark: Mark): void
  /** Writes of this shard are gone. From now on everything throws what this returns. */
  lose(shard: number): StemkitError
  /** Throws if writes have been lost. */
  check(): void
}

export const parseMark = (reply: Reply | undefined): Mark => {
  const [generation = 0, count = 0] = reply === null || reply === undefined ? [] : String(reply).split(':').map(Number)
  return { generation, count }
}

export const formatMark = ({ generation, count }: Mark): string => `${generation}:${count}`

export const isBehind = (mark: Mark, other: Mark): boolean =>
  mark.generation < other.generation || (mark.generation === other.generation && mark.count < other.count)

/** @param serverOf names the server of a shard */
export function openLedger(
  shards: number,
  serverOf: (shard: number) => string,
  onLoss: (error: StemkitError) => void,
): Ledger {
  const marks: Mark[] = Array.from({ length: shards }, () => ({ generation: 0, count: 0 }))
  let loss: StemkitError | undefined
  const ledger: Ledger = {
    mark: (shard) => marks[shard]!,
    observe(shard, mark, expected) {
      if (isBehind(mark, expected)) throw ledger.lose(shard)
      ledger.advance(shard, mark)
    },
    advance(shard, mark) {
      if (isBehind(marks[shard]!, mark)) marks[shard] = mark
    },
    lose(shard) {
      if (loss === undefined) {
        loss = new StemkitError(
          'io',
          `redis ${serverOf(shard)}: has lost writes that it had acknowledged (restarted or failed over without them); open the rows again and go on from the last snapshot`,
        )
        onLoss(loss)
      }
      return loss
    },
    check() {
      if (loss !== undefined) throw loss
    },
  }
  return ledger
}
