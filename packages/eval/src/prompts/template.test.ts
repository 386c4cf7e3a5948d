import { describe, expect, it } from 'vitest'
import recorded from '../../fixtures/libraries/templates.json' with { type: 'json' }
import { renderTemplate } from './template.ts'

describe('a template', () => {
  it.each(recorded.templates)('renders %j as Jinja does', (template, text) => {
    expect(renderTemplate(String(template), recorded.row)).toBe(text)
  })

  it('names what is undefined, and what there is', () => {
    expect(() => renderTemplate('Q: {{qestion}}', { question: 'x', answer: 'y' })).toThrow(
      'template "Q: {{qestion}}": qestion is undefined; the row has question, answer',
    )
    expect(() => renderTemplate('{{a.b}}', { a: { c: 1 } })).toThrow("{'c': 1} has no b")
  })

  it('names what it does not know', () => {
    expect(() => renderTemplate('{{a|pprint}}', { a: 1 })).toThrow('templates here do not know the filter pprint')
    expect(() => renderTemplate('{{a.zfill(3)}}', { a: 'x' })).toThrow('templates here do not know zfill of a string')
    // 4 / 2 prints as 2.0 in Python; a number here does not say which it is.
    expect(() => renderTemplate('{{4 / 2}}', {})).toThrow('templates here do not know number / number')
    expect(() => renderTemplate('{{ a', {})).toThrow('not a Jinja template')
  })
})
