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
export type { Row, RowSource, SplitName } from './tasks/rows.ts'
