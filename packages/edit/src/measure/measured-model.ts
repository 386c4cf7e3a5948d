import type { LanguageModel } from '@stemkit/spec/language-model'
import type { RowsInPlace } from '../preview/editable-model.ts'
import type { AskedModel } from './questions.ts'

/** A model that can be asked over other rows than its own. `languageModelOver` of `@stemkit/generate` makes `over`. */
export interface MeasuredModel extends Pick<LanguageModel, 'encode' | 'maxLength'> {
  /** The model over these rows, for as long as they are used; its own stay as they are. */
  over(rows: RowsInPlace): AskedModel
}
