import { strip } from '../python/text.ts'

const controls = new RegExp(String.raw`[\x00-\x1f]`, 'g')

/**
 * RULER's score of a needle: the share of the answers that the prediction contains, upper and lower case alike. Control characters
 * in it are read as line ends.
 */
export function containedShare(prediction: string, answers: readonly string[]): number {
  const text = strip(strip(prediction).replaceAll(controls, '\n')).toLowerCase()
  return answers.filter((answer) => text.includes(answer.toLowerCase())).length / answers.length
}
