import { createChatTemplate } from '@stemkit/server'
import { expect, test } from 'vitest'
import { chatOf } from './chat.ts'

const chat = chatOf(
  createChatTemplate(
    '{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}</>{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}',
  ),
)

test('a chat ends where the assistant begins, or with the text that it is to continue', () => {
  const question = { role: 'user', content: 'Is it?' } as const
  expect(chat([question], { addGenerationPrompt: true })).toBe('<user>Is it?</><assistant>')
  const begun = [question, { role: 'assistant', content: ' It is ' }] as const
  expect(chat(begun, { addGenerationPrompt: false })).toBe('<user>Is it?</><assistant>It is')
})
