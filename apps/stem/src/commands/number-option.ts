import { InvalidArgumentError } from 'commander'

/** Parses the value of a numeric option; whether it is in range is for the package that takes it to say. */
export function number(value: string): number {
  const parsed = Number(value)
  if (value.trim() === '' || Number.isNaN(parsed)) throw new InvalidArgumentError('It must be a number.')
  return parsed
}

/** Parses the value of an option that counts something. */
export function wholeNumber(value: string): number {
  const parsed = number(value)
  if (!Number.isInteger(parsed) || parsed < 0) throw new InvalidArgumentError('It must be a whole number, 0 or more.')
  return parsed
}
