import { describe, expect, it } from 'vitest'
import { readSharedRecord } from '../../testing/read-record.ts'
import type { EvalRecord } from '../../verify/record.ts'
import { verifyRecord } from '../../verify/verify-record.ts'
import { leafTasks } from '../group.ts'
import { createTaskRegistry } from '../task-registry.ts'
import { longbenchTasks } from './longbench.ts'

const registry = createTaskRegistry(longbenchTasks())
const all = createTaskRegistry(longbenchTasks({ segment: (text) => [...text] }))
const task = (name: string) => all.load([name]).tasks.get(name)
const score = (name: string, answer: string, row: object) =>
  all.processors.results?.[name]?.({ context: '', question: '', ...row }, [answer])

describe('LongBench', () => {
  for (const name of ['longbench.default', 'scripted/longbench.default']) {
    const record = readSharedRecord(name)
    it.skipIf(record === undefined)(`rebuilds the record ${name} (needs shared/oracle-eval)`, async () => {
      for (const verified of await verifyRecord(record as EvalRecord, registry)) {
        expect(verified).toMatchObject({ ok: true, mismatches: [] })
        expect(verified.differs ?? []).toEqual([])
      }
    })
  }

  it('has all 21 tasks, and without a segmenter the 18 that need none', () => {
    const [group] = all.load(['longbench']).groups
    expect(group && leafTasks(group).length).toBe(21)
    const [without] = registry.load(['longbench']).groups
    expect(without && leafTasks(without).length).toBe(18)
    expect(registry.names).not.toContain('longbench_vcsum')
  })

  it('has the groups of the harness, and one for questions over several hops', () => {
    const leaves = (name: string) => all.load([name]).groups.flatMap(leafTasks)
    expect(leaves('longbench_code')).toEqual(['longbench_lcc', 'longbench_repobench-p'])
    expect(leaves('longbench_multihop')).toEqual(['longbench_hotpotqa', 'longbench_2wikimqa', 'longbench_musique'])
    expect(leaves('longbench_multi')).toEqual([...leaves('longbench_multihop'), 'longbench_dureader'])
    const [whole] = all.load(['longbench']).groups
    expect(whole?.alias).toBe('longbench')
    expect(whole?.children.map((child) => ('alias' in child ? [child.name, child.alias] : child))).toEqual([
      ['longbench_code', 'Code Completion'],
      ['longbench_fewshot', 'Few-shot Learning'],
      ['longbench_multi', 'Multi-Document QA'],
      ['longbench_single', 'Single-Document QA'],
      ['longbench_summarization', 'Summarization'],
      ['longbench_synthetic', 'Synthetic Tasks'],
    ])
    expect(all.load(['longbench_multi']).groups[0]?.children.some((child) => 'children' in child)).toBe(false)
    expect([...all.load(['longbench_synthetic_tasks']).tasks.keys()]).toEqual([
      'longbench_passage_count',
      'longbench_passage_retrieval_en',
      'longbench_passage_retrieval_zh',
    ])
    expect(task('longbench_musique')?.tag).toEqual(['longbench_multi_tasks', 'longbench_tasks'])
    expect(all.load(['longbench_code']).groups[0]?.metrics).toEqual([{ metric: 'score', weightBySize: false }])
  })

  it('asks as the harness does, and as LongBench itself does', () => {
    expect(task('longbench_lcc')?.doc_to_text).toBe(
      'Please complete the code given below. \n{{context}}Next line of code:',
    )
    expect(task('longbench_official_lcc')?.doc_to_text).toBe(
      'Please complete the code given below. \n{{context}}Next line of code:\n',
    )
    expect(task('longbench_samsum')?.doc_to_text).toMatch(/examples\.\n\n\{\{context\}\}\n\{\{question\}\}$/)
    expect(task('longbench_official_samsum')?.doc_to_text).toMatch(/examples\.\n\n\{\{context\}\}\n\n\{\{question\}\}$/)
    expect(task('longbench_passage_count')?.doc_to_text).toMatch(/The final answer is:$/)
    expect(task('longbench_official_passage_count')?.doc_to_text).toMatch(/The final answer is: $/)
    expect(task('longbench_trec')?.generation_kwargs).toMatchObject({ max_gen_toks: 64, until: ['\n'] })
    expect(task('longbench_official_trec')?.generation_kwargs).toMatchObject({ max_gen_toks: 64, until: [] })
  })

  it('takes the best of several answers, and the first line where LongBench does', () => {
    expect(score('longbench_hotpotqa', ' Paris ', { answers: ['London', 'paris'] })).toEqual({
      score: 1,
      qa_f1_score: 1,
    })
    const row = { answers: ['Food'], all_classes: ['Food', 'Date'] }
    expect(score('longbench_official_trec', '\n\nFood\nDate', row)).toEqual({ score: 1, classification_score: 1 })
    expect(score('longbench_trec', '\n\nFood\nDate', row)).toEqual({ score: 0.5, classification_score: 0.5 })
    const code = { answers: ['x = 1'] }
    expect(score('longbench_lcc', '  \nx = 1\n', code)).toEqual({ score: 1, code_sim_score: 1 })
    expect(score('longbench_official_lcc', '  \nx = 1\n', code)).not.toEqual({ score: 1, code_sim_score: 1 })
  })

  it('compares Chinese by the words of the segmenter', () => {
    expect(score('longbench_vcsum', '会议', { answers: ['会议'] })?.score).toBeCloseTo(1, 7)
    expect(score('longbench_multifieldqa_zh', '会，议', { answers: ['会议。'] })).toEqual({
      score: 1,
      qa_f1_zh_score: 1,
    })
  })

  it('says which columns a row lacks', () => {
    expect(() => score('longbench_hotpotqa', 'a', {})).toThrow('has no list of answers')
    expect(() => score('longbench_trec', 'a', { answers: ['b'] })).toThrow('has no list all_classes')
  })
})
