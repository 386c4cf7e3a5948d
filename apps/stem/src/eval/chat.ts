import type { EvalModel } from '@stemkit/eval'
import type { ChatTemplate } from '@stemkit/server'

/**
 * Prompts as chats, as transformers' `apply_chat_template` renders them: ending where the assistant begins, or, where the last
 * message is to be continued, with its text.
 */
export const chatOf =
  (template: ChatTemplate): NonNullable<EvalModel['applyChatTemplate']> =>
  (messages, { addGenerationPrompt }) => {
    const text = template.render(messages, { addGenerationPrompt })
    if (addGenerationPrompt) return text
    const last = messages.at(-1)?.content ?? ''
    const stripped = last.trim()
    const at = text.lastIndexOf(stripped)
    if (at < 0) return text
    const whole = text.startsWith(last.trimStart(), at) ? last.trimStart() : stripped
    return text.slice(0, at + whole.length)
  }
