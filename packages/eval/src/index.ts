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
export { compareRuns, type ComparableRun, type ComparedMetric, type RunComparison } from './compare/compare-runs.ts'
export { pairedDifference, type PairedDifference, type PairedOptions } from './compare/paired-difference.ts'
export { signTest } from './compare/sign-test.ts'
export { chanceAccuracy, returnOnCompute, type ComputeReturn, type TrainedRun } from './compute/return-on-compute.ts'
export {
  lengthBuckets,
  type LengthBucket,
  type LengthBucketOptions,
  type LengthBuckets,
  type MeasuredSample,
  type TaskBuckets,
} from './lengths/length-buckets.ts'
export { measureSamples, type MeasureOptions, type PromptedSample } from './lengths/measure-samples.ts'
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
export { resultFile, resultFileNames, type RunFacts } from './results/result-file.ts'
export { resultTable } from './results/result-table.ts'
export type { EvalResults } from './results/results.ts'
export { sampleOnDisk, taskHash, type SampleRecord } from './results/sample-record.ts'
export type { ResultEntry } from './results/task-result.ts'
export { evaluate, type EvalProgress, type EvaluateOptions } from './run/evaluate.ts'
export { planRun, type PlannedModel, type RunOptions, type RunPlan } from './run/plan-run.ts'
export type { PlannedDocument, TaskPlan } from './run/plan-task.ts'
export { scoreRun, type EvalRun } from './run/score-run.ts'
export { builtInTasks } from './tasks/built-in-tasks.ts'
export type { Group, GroupMetric } from './tasks/group.ts'
export type { DatasetContext, FilteredAnswer, MetricValue, Processors } from './tasks/processors.ts'
export type {
  ChoiceField,
  FilterEntry,
  GroupDefinition,
  MetricEntry,
  OutputType,
  TargetField,
  TaskDefinition,
  TextField,
} from './tasks/task-definition.ts'
export { createTaskRegistry, type LoadedTasks, type TaskRegistry, type TaskSet } from './tasks/task-registry.ts'
export type { ShotFormat, Task } from './tasks/task.ts'
export type { Mismatch } from './verify/compare.ts'
export { formulaModel } from './verify/formula-model.ts'
export { isEvalRecord, type EvalRecord } from './verify/record.ts'
export { verifyRecord, type VerifiedTask } from './verify/verify-record.ts'
export { firstRows } from './data/first-rows.ts'
