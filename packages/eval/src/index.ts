export type { Answered, AskOptions, ChatMessage, EvalModel } from './ask/eval-model.ts'
export type {
  AnswerTo,
  EvalAnswer,
  EvalRequest,
  GenerateAnswer,
  GenerateRequest,
  GenerationArguments,
  LoglikelihoodAnswer,
  LoglikelihoodRequest,
  RollingAnswer,
  RollingRequest,
} from './ask/requests.ts'
export { codeSimilarity, levenshteinRatio, type Similarity } from './metrics/code-similarity.ts'
export { containedShare } from './metrics/contained.ts'
export { classificationScore, countScore, retrievalScore } from './metrics/longbench.ts'
export { qaF1, qaF1Chinese, type Segmenter } from './metrics/question-answering.ts'
export { rouge, type RougeScore, type RougeScores } from './metrics/rouge.ts'
export { sequenceRatio } from './metrics/sequence-matcher.ts'
export { generateNeedles, type NeedleOptions, type NeedleRow } from './needle/generate.ts'
export { gridRows, type GridOptions, type GridRow, type NeedleFact } from './needle/grid-rows.ts'
export { needleMap, type NeedleMap, type NeedleSample } from './needle/heat-map.ts'
export { adjectiveNounPairs, needleWords, wordList, type WordList } from './needle/words.ts'
export { exp } from './python/exp.ts'
export { literalEval } from './python/literal.ts'
export { pythonRandom, type PythonRandom } from './python/random.ts'
export { findAll, pythonRegex } from './python/regex.ts'
export { floatRepr, pythonRepr, pythonStr } from './python/repr.ts'
export { square } from './python/square.ts'
export { longbenchTasks, type LongbenchOptions } from './tasks/built-in/longbench.ts'
export { needleGridTasks, type NeedleGridOptions } from './tasks/built-in/needle-grid.ts'
export { rulerTasks, type RulerOptions } from './tasks/built-in/ruler.ts'
export type { Row, RowSource, SplitName } from './tasks/rows.ts'
export type { AnswerOptions } from './ask/answer-options.ts'
export { fromCompletions, type FromCompletionsOptions } from './ask/completions/from-completions.ts'
export type { EndpointOptions } from './ask/completions/post-completion.ts'
export type { Truncation } from './ask/fit-prompt.ts'
export { fromLanguageModel, type FromLanguageModelOptions } from './ask/from-language-model.ts'
export { memoryCache, type AnswerCache } from './cache/answer-cache.ts'
export { withCache } from './cache/with-cache.ts'
