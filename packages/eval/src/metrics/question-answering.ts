import { pythonRegex } from '../python/regex.ts'
import { splitWords } from '../python/text.ts'
import { tokenF1 } from './token-f1.ts'

const ASCII_PUNCTUATION = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'
const CHINESE_PUNCTUATION =
  '！？｡。＂＃＄％＆＇（）＊＋，－／：；＜＝＞＠［＼］＾＿｀｛｜｝～｟｠｢｣､、〃》「」『』【】〔〕〖〗〘〙〚〛〜〝〞〟〰〾〿–—‘’‛“”„‟…‧﹏.'
const asciiPunctuation = new Set(ASCII_PUNCTUATION)
const allPunctuation = new Set(ASCII_PUNCTUATION + CHINESE_PUNCTUATION)
const articles = pythonRegex(String.raw`\b(a|an|the)\b`)

const without = (text: string, characters: ReadonlySet<string>) =>
  [...text].filter((character) => !characters.has(character)).join('')

/**
 * F1 over the words of an answer to a question, as SQuAD and LongBench have it: in lower case, without punctuation and the
 * articles a, an, the.
 */
export const qaF1 = (prediction: string, answer: string): number =>
  tokenF1(answerWords(prediction), answerWords(answer))

const answerWords = (text: string) =>
  splitWords(without(text.toLowerCase(), asciiPunctuation).replaceAll(articles, ' '))

/** Cuts a Chinese text into words; LongBench takes jieba's cut without options. */
export type Segmenter = (text: string) => readonly string[]

/** `qaF1` for Chinese: words from a segmenter, in lower case, without Chinese and ASCII punctuation. */
export const qaF1Chinese = (prediction: string, answer: string, segment: Segmenter): number =>
  tokenF1(chineseWords(prediction, segment), chineseWords(answer, segment))

const chineseWords = (text: string, segment: Segmenter) =>
  segment(text)
    .map((word) => splitWords(without(word.toLowerCase(), allPunctuation)).join(''))
    .filter((word) => word !== '')
