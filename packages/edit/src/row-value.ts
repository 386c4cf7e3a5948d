/** What a row becomes, or what a position reads: a weighted sum of rows of the table. */
export interface RowValue {
  /** One term of weight 1 is that row byte for byte. */
  readonly terms: readonly { readonly token: number; readonly weight: number }[]
  /** How many times the edit's vector is added. */
  readonly vector?: number
  /** Which of the edit's own values is added to the sum, which then has no terms. */
  readonly given?: number
  /** The terms are rows of the table itself, under all edits. */
  readonly unedited?: true
}

/** The row of a token as it is. */
export const rowOf = (token: number): RowValue => ({ terms: [{ token, weight: 1 }] })

/** The token whose row it is byte for byte, if it is one. */
export function copiedToken({ terms, vector = 0, unedited }: RowValue): number | undefined {
  const [only] = terms
  return terms.length === 1 && only!.weight === 1 && vector === 0 && !unedited ? only!.token : undefined
}

export const isSameValue = (a: RowValue, b: RowValue): boolean => JSON.stringify(a) === JSON.stringify(b)

/** A value in words, for messages and listings. */
export function describeValue(value: RowValue, nameOf: (token: number) => string = String): string {
  const { terms, vector, given, unedited } = value
  const words = terms.map(({ token, weight }) => (weight === 1 ? '' : `${+weight.toFixed(4)} * `) + nameOf(token))
  const own = given === undefined ? [] : ['its own values']
  const sum = [...words, ...(vector ? [`${vector} * the vector`] : []), ...own].join(' + ')
  return unedited ? `${sum}, unedited` : sum
}
