import { findAll, pythonRegex } from '../python/regex.ts'

/**
 * LongBench's score of a class: 1 over the number of classes that the prediction names, if the right one is among them. Classes whose
 * name is part of the right one's do not count.
 */
export function classificationScore(prediction: string, answer: string, classes: readonly string[]): number {
  const named = classes.filter((name) => prediction.includes(name))
  // As in the original, which takes from the list that it walks: the class after one that was taken out is not looked at.
  for (let i = 0; i < named.length; i++) {
    const name = named[i] ?? ''
    if (answer.includes(name) && name !== answer) named.splice(named.indexOf(name), 1)
  }
  return named.includes(answer) ? 1 / named.length : 0
}

const number = pythonRegex(String.raw`\d+`)

/** LongBench's score of a count: the share of the numbers in the prediction that are the right one. */
export function countScore(prediction: string, answer: string): number {
  const numbers = findAll(number, prediction)
  return numbers.length === 0 ? 0 : numbers.filter((text) => text === answer).length / numbers.length
}

const paragraphNumber = { en: pythonRegex(String.raw`Paragraph (\d+)`), zh: pythonRegex(String.raw`段落(\d+)`) }

/** LongBench's score of a found paragraph: the share of the numbers in the prediction that are its number. */
export function retrievalScore(prediction: string, answer: string, language: 'en' | 'zh' = 'en'): number {
  const [wanted] = findAll(paragraphNumber[language], answer)
  return typeof wanted === 'string' ? countScore(prediction, wanted) : 0
}
