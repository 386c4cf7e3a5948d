import '@tensorflow/tfjs-backend-cpu'
import { eagerEngine } from '@stemkit/compile'
import { planEdit, previewEdit } from '@stemkit/edit'
import { loadRemoteModel } from '@stemkit/generate'
import { createRowPlan, createRowStore, httpRows, openRowTable } from '@stemkit/store'
import { useBackend } from '@stemkit/tensor'
import { loadTokenizer, type TokenizerJson } from '@stemkit/tokenizer'
import { definePage } from '../page.ts'

const STRINGS = ['The state of the union', '  Grüße, 世界! 🦜\n\tx=1', "it's  <|endoftext|> 2026", '']

/** Texts as tokens, rows over HTTP, and an edit of such rows. */
export const rowsPage = definePage(import.meta.url, async ({ files }) => {
  await useBackend('cpu')
  const folder = `${files}/rows-apart`
  const json = (await (await fetch(`${folder}/tokenizer.json`)).json()) as TokenizerJson
  const tokenizer = loadTokenizer(json)
  const texts = STRINGS.map((text) => {
    const ids = tokenizer.encode(text)
    return { ids: [...ids], text: tokenizer.decode(ids, { skipSpecial: false }) }
  })

  const open = async () => openRowTable({ driver: await httpRows(`${folder}/rows`), mode: 'read' })
  const table = await open()
  const { layers, width } = table.layout
  // Room for a few rows, so that some are read again.
  const store = createRowStore({ table, budget: 16 * layers * width * 4 })
  const gathered: number[][] = []
  for (const ids of [
    [7, 280, 7, 31],
    [31, 7, 1, 2, 3],
    [100, 101, 102, 103, 104, 7],
  ]) {
    const plan = createRowPlan(Int32Array.from(ids), { rows: store.rows })
    const blocks = new Float32Array(layers * plan.unique.length * width)
    await store.gather(plan, blocks)
    gathered.push([...new Uint8Array(blocks.buffer)])
  }
  const { hits, misses } = store.stats().cache!
  await store.dispose()

  const edited = await open()
  const model = await loadRemoteModel(folder, { engine: eagerEngine() })
  const edit = { name: 'state-as-union', source: ' state', target: ' union', strategy: 'one_to_one' } as const
  const plan = planEdit(edit, { table: edited, tokenizer })
  const prompt = [...tokenizer.encode('The state of the')]
  const previews = await previewEdit(plan, model, [prompt], { table: edited, maxTokens: 6, top: 3 })
  await model.dispose()
  await edited.dispose()
  return { strings: STRINGS, texts, gathered, hits, misses, plan: plan.rows.map(({ token }) => token), previews }
})
