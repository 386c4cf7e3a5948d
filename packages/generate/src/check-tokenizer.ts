import type { ModelConfig } from '@stemkit/model'
import { StemkitError } from '@stemkit/spec/errors'
import type { Tokenizer } from '@stemkit/spec/tokenizer'

/** @throws bad-input for a tokenizer that has more ids than the model has rows */
export function checkTokenizer(path: string, tokenizer: Tokenizer, { vocabSize }: ModelConfig): void {
  if (tokenizer.vocabSize <= vocabSize) return
  throw new StemkitError(
    'bad-input',
    `${path}: the tokenizer has ids up to ${tokenizer.vocabSize - 1}, the model only ${vocabSize} rows (a vocabulary of ${tokenizer.vocabSize} against ${vocabSize}); use the tokenizer that the model was trained with`,
  )
}
