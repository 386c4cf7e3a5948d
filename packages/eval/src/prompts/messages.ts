import type { ChatMessage } from '../ask/eval-model.ts'
import { delimit, needsDelimiter } from './delimit.ts'

/** Part of a prompt: a message of a chat, or text with a delimiter after it. */
export interface PromptMessage extends ChatMessage {
  readonly delimiter: string
}

export interface Turn {
  readonly question: string
  readonly answer?: string
  readonly genPrefix?: string | undefined
  readonly targetDelimiter: string
  readonly fewshotDelimiter: string
}

/** A question and, where it is known, its answer. */
export function turnMessages({
  question,
  answer,
  genPrefix,
  targetDelimiter,
  fewshotDelimiter,
}: Turn): PromptMessage[] {
  const isDelimited = genPrefix ? needsDelimiter(question, genPrefix) : answer !== undefined
  const messages: PromptMessage[] = [{ role: 'user', content: question, delimiter: isDelimited ? targetDelimiter : '' }]
  if (answer !== undefined) {
    messages.push({ role: 'assistant', content: delimit(genPrefix, answer, ' '), delimiter: fewshotDelimiter })
  } else if (genPrefix) {
    messages.push({ role: 'assistant', content: genPrefix, delimiter: '' })
  }
  return messages
}

const text = (messages: readonly PromptMessage[]) =>
  messages.map(({ content, delimiter }) => content + delimiter).join('')

/** How a chat becomes text; without it a prompt is its texts and delimiters. */
export interface ChatFormat {
  readonly render: (messages: readonly ChatMessage[], options: { readonly addGenerationPrompt: boolean }) => string
  /** Shots as turns of their own; else all in one message of the user. */
  readonly multiturn: boolean
}

/** The prompt that messages make. */
export function promptText(
  messages: readonly PromptMessage[],
  genPrefix: string | undefined,
  chat?: ChatFormat,
): string {
  if (!chat) return text(messages)
  const turns = chat.multiturn ? messages : singleTurn(messages)
  return chat.render(
    turns.map(({ role, content }) => ({ role, content })),
    { addGenerationPrompt: !genPrefix },
  )
}

/** All questions and answers in one message of the user, after the system's and before what the assistant has begun. */
function singleTurn(messages: readonly PromptMessage[]): PromptMessage[] {
  const system = messages.slice(0, messages[0]?.role === 'system' ? 1 : 0)
  const begun = messages.slice(messages.at(-1)?.role === 'assistant' ? -1 : messages.length)
  const user = messages.slice(system.length, messages.length - begun.length)
  const content = text(user.slice(0, -1)) + (user.at(-1)?.content ?? '')
  return [...system, { role: 'user', content, delimiter: '' }, ...begun]
}
