import type { Share } from '@stemkit/edit'
import { inPercent } from '../../terminal/quantities.ts'
import type { TableText } from '../../terminal/table.ts'

/** A table under a heading. */
export interface FactsTable extends TableText {
  readonly heading: string
}

/** `91.2% 88.7-93.2`: the share, and between what it lies. */
export const withInterval = ({ share, low, high, n }: Share): string =>
  n === 0 ? '–' : `${inPercent(share)} ${(100 * low).toFixed(1)}-${(100 * high).toFixed(1)}`
