/** A document of a data set: its columns by name, as JSON has them. */
export type Row = Readonly<Record<string, unknown>>

/** Where rows of a split are: names as the Hugging Face hub and the harness's task files have them. */
export interface SplitName {
  readonly path: string
  readonly name?: string
  readonly split: string
}

/** Gives the rows of a split, in order; undefined where the data set has no such split. */
export type RowSource = (
  split: SplitName,
  options?: { readonly signal?: AbortSignal },
) => Promise<readonly Row[] | undefined>
