import { Template } from '@huggingface/jinja'
import { StemkitError } from '@stemkit/spec/errors'

/** One turn of a conversation. */
export interface ChatMessage {
  /** `system`, `user`, `assistant`, or whatever else the template knows. */
  readonly role: string
  readonly content: string
  readonly name?: string
}

/** How the turns of a conversation become one text, as the model was trained on. */
export interface ChatTemplate {
  /** The template itself, in Jinja. */
  readonly source: string
  /**
   * The text of the conversation, ending where the answer begins; without `addGenerationPrompt`, where the last message ends.
   * Special tokens in a message count as such, as they do to the models' own tools.
   * @throws bad-input with what the template says against the messages
   */
  render(messages: readonly ChatMessage[], options?: { readonly addGenerationPrompt?: boolean }): string
}

export interface ChatTemplateOptions {
  /** As the template is to write them: `<s>` and `</s>`, say. */
  readonly bosToken?: string | undefined
  readonly eosToken?: string | undefined
}

/**
 * A chat template in the Jinja of model folders.
 * @throws bad-input for one that does not parse
 */
export function createChatTemplate(
  source: string,
  { bosToken = '', eosToken = '' }: ChatTemplateOptions = {},
): ChatTemplate {
  const template = attempt('the chat template does not parse', () => new Template(source))
  return {
    source,
    render: (messages, { addGenerationPrompt = true } = {}) =>
      attempt('the chat template refuses these messages', () =>
        template.render({
          messages,
          bos_token: bosToken,
          eos_token: eosToken,
          add_generation_prompt: addGenerationPrompt,
        }),
      ),
  }
}

function attempt<T>(what: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    const [why] = String((cause as Error)?.message ?? cause).split('\n')
    throw new StemkitError('bad-input', `${what}: ${why!.slice(0, 300)}`, { cause })
  }
}
