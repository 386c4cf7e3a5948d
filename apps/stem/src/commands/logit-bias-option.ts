import { InvalidArgumentError } from 'commander'

/** Adds `id=number` to the biases so far; whether there is such a token is for the model to say. */
export function logitBias(value: string, before: Readonly<Record<number, number>> = {}): Record<number, number> {
  const [, id, added] = /^(\d+)=(.+)$/u.exec(value) ?? []
  const bias = added === '-inf' ? -Infinity : Number(added)
  if (id === undefined || Number.isNaN(bias)) {
    throw new InvalidArgumentError('It must be a token id and a number, as in 50256=-100.')
  }
  return { ...before, [id]: bias }
}
