import type { Generations } from './generations.ts'
import type { Ledger } from './ledger.ts'
import type { Router } from './router.ts'
import type { RowsInShards } from './rows-in-shards.ts'
import type { Shard } from './slots.ts'

/** What the rows of one prefix are worked on with. */
export interface RowsParts {
  /** What errors call them. */
  readonly where: string
  readonly router: Router
  /** Where geometry, metas and lock are. */
  readonly home: Shard
  readonly shards: readonly Shard[]
  readonly ledger: Ledger
  readonly generations: Generations
  readonly rows: RowsInShards
}
