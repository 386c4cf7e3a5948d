import { InvalidArgumentError } from 'commander'

/** Parses the value of a numeric option; whether it is in range is for the package that takes it to say. */
export function number(value: string): number {
  const parsed = Number(value)
  if (value.trim() === '' || Number.isNaN(parsed)) throw new InvalidArgumentError('It must be a number.')
  return parsed
}

/** For options that count something, from `least` on. */
export const wholeNumber =
  (least: number) =>
  (value: string): number => {
    const parsed = number(value)
    if (!Number.isInteger(parsed) || parsed < least) {
      throw new InvalidArgumentError(`It must be a whole number, ${least} or more.`)
    }
    return parsed
  }
