/** A prompt and how it should go on. The answer begins behind a space that neither has. */
export interface Question {
  readonly prompt: string
  readonly answer: string
}

/** A fact that is to become another one, and what to ask before and after. */
export interface EditCase {
  readonly id: string
  readonly subject: string
  /** What kind of fact it is, by which others of its kind are found. */
  readonly relation?: string | undefined
  /** Ends where the answer begins. */
  readonly prompt: string
  /** What the model should say from now on. */
  readonly answer: string
  /** What is true, or what the model said. */
  readonly truth?: string | undefined
  /** Whose rows to take, instead of finding somebody of whom the answer is true. */
  readonly donor?: string | undefined
  /** Other ways to ask the same. */
  readonly paraphrases: readonly string[]
  /** Questions about others, whose answers should stay. */
  readonly neighbours: readonly Question[]
  /** Questions whose answers follow from the new one. */
  readonly portability: readonly Question[]
  /** What to continue, to see how the model writes. */
  readonly generation: readonly string[]
  /** Texts about things of which the new answer is true. */
  readonly references: readonly string[]
}

/** Something that is true: of others of its kind with an answer, rows are taken. */
export interface Fact {
  readonly subject: string
  readonly answer: string
  readonly relation?: string | undefined
  /** As a case asks for it. */
  readonly prompt?: string | undefined
}
