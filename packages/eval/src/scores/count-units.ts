import { SPACE_CLASS } from '../python/text.ts'

const spaces = new RegExp(`[${SPACE_CLASS}]+`)
const encoder = new TextEncoder()

/** Words between runs of white space; white space at an end makes an empty word, which counts. */
export const countWords = (text: string): number => text.split(spaces).length

export const countBytes = (text: string): number => encoder.encode(text).length
