import { expect, test } from 'vitest'
import { standInNote } from './stand-in-note.ts'

test('what a split is made of is said, where it is not that of the data set', () => {
  expect(standInNote('allenai/ai2_arc', 'test')).toBeUndefined()
  expect(standInNote('allenai/ai2_arc', 'train')).toBe('allenai/ai2_arc: the train split is the Dev set')
  expect(standInNote('Rowan/hellaswag', 'validation')).toMatch(/^[^\n]*labels that are made up$/)
  expect(standInNote('Rowan/hellaswag', 'train')).toMatch(/made up; the train split is the first 40 rows/)
  expect(standInNote('Xnhyacinth/LongBench', 'test')).toContain('MiniLongBench')
  expect(standInNote('openai/gsm8k', 'train')).toBeUndefined()
})
