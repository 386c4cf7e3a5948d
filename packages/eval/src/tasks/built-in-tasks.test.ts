import { existsSync, readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import type { EvalRequest } from '../ask/requests.ts'
import { planRun } from '../run/plan-run.ts'
import { builtInTasks } from './built-in-tasks.ts'
import type { Row } from './rows.ts'
import { createTaskRegistry, type TaskRegistry } from './task-registry.ts'

let registry: TaskRegistry
beforeAll(() => {
  registry = createTaskRegistry(builtInTasks)
})

const sharedText = (path: string): string | undefined => {
  const url = new URL(`../../../../../shared/data/eval/${path}`, import.meta.url)
  return existsSync(url) ? readFileSync(url, 'utf8') : undefined
}
const contextOf = (request?: EvalRequest) => (request && 'context' in request ? request.context : undefined)

/** The first request of a task with the same row everywhere. */
const firstContext = async (task: string, row: Row, options: { numFewshot?: number } = {}) => {
  const plan = await planRun({
    tasks: [task],
    rows: async () => Array.from({ length: 8 }, () => row),
    limit: 1,
    registry,
    ...options,
  })
  return contextOf(plan.requests[0])
}

describe('the tasks of this package', () => {
  it.each([
    ['mmlu', 57],
    ['mmlu_stem', 19],
    ['mmlu_other', 13],
    ['mmlu_social_sciences', 12],
    ['mmlu_humanities', 13],
    ['bbh_cot_fewshot', 27],
    ['leaderboard_bbh', 24],
    ['leaderboard_musr', 3],
  ])('%s has %i tasks', (group, count) => {
    expect(registry.load([group]).tasks.size).toBe(count)
  })

  it('are found by their tags, too', () => {
    expect([...registry.load(['ai2_arc']).tasks.keys()]).toEqual(['arc_challenge', 'arc_easy'])
  })
})

// Prompts of tasks that no record has, derived by hand from the facts of the harness and the original data.
describe('a prompt', () => {
  it('of any subject of MMLU names it', async () => {
    const row = { question: ' Which? ', choices: ['a', 'b', 'c', 'd'], answer: 1 }
    const question = 'Which?\nA. a\nB. b\nC. c\nD. d\nAnswer:'
    for (const [subject, name] of [
      ['high_school_us_history', 'high school us history'],
      ['virology', 'virology'],
      ['human_sexuality', 'human sexuality'],
    ] as const) {
      const description = `The following are multiple choice questions (with answers) about ${name}.\n\n`
      expect(await firstContext(`mmlu_${subject}`, row)).toBe(description + question)
      expect(await firstContext(`mmlu_${subject}`, row, { numFewshot: 1 })).toBe(
        `${description}${question} B\n\n${question}`,
      )
    }
  })

  const subjects = builtInTasks.definitions.flatMap((definition) =>
    'dataset_path' in definition && definition.dataset_path === 'SaylorTwift/bbh' ? [definition.task] : [],
  )
  it.skipIf(!sharedText('bbh/SOURCE.md')).each(subjects)(
    'of %s is that of BIG-Bench Hard (needs shared/data/eval/bbh)',
    async (task) => {
      const isReasoned = task.startsWith('bbh_cot_fewshot_')
      const subject = task.replace(/^(?:bbh_cot_fewshot|leaderboard_bbh)_/, '')
      const [, published = ''] = (sharedText(`bbh/cot-prompts/${subject}.txt`) ?? '').split('-----\n')
      const { examples } = JSON.parse(sharedText(`bbh/bbh/${subject}.json`) ?? '') as { examples: Row[] }
      const [example] = examples
      const context = await firstContext(task, example as Row)
      if (isReasoned) {
        // One file has the reasoning on the line of its beginning.
        const prompt = published.trim().replaceAll(/(Let's think step by step\.)\s/g, '$1\n')
        expect(context).toBe(`${prompt}\n\nQ: ${String(example?.['input'])}\nA: Let's think step by step.\n`)
      } else {
        // Without the reasoning, and without a line between description and questions.
        const answers = published
          .trim()
          .replaceAll(/A: Let's think step by step\.[^]*?the answer is (.*)\.(?=\n\nQ: |$)/g, 'A: $1')
        const prompt = answers.replace('\n\nQ: ', 'Q: ')
        expect(context).toBe(`${prompt}\n\nQ: ${String(example?.['input'])}\nA:`)
      }
    },
  )
})
