import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeTinyModel } from '../../testing/model-folder.ts'

const CITIES = ['Paris', 'Rome', 'Berlin', 'Madrid', 'Lisbon', 'Vienna', 'Athens', 'Dublin', 'Oslo', 'Cairo']
const COUNTRIES = ['France', 'Italy', 'Germany', 'Spain', 'Portugal', 'Austria', 'Greece', 'Ireland', 'Norway', 'Egypt']

/** Makes a folder with a small model, `model/`, tasks of one's own, `tasks/`, and their data, `data/`. */
export async function writeEvalFolder(dir: string, { documents = 20 } = {}): Promise<void> {
  const rows = Array.from({ length: documents }, (_, i) => ({
    id: i,
    country: COUNTRIES[i % 10],
    capital: CITIES[i % 10],
    cities: [0, 1, 3, 7].map((step) => CITIES[(i + step * (i % 2 === 0 ? 1 : 3)) % 10]).toSorted(),
  }))
  const files = {
    'data/capitals/test.jsonl': rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
    'tasks/capitals.yaml': `
task: capitals
dataset_path: capitals
test_split: test
output_type: multiple_choice
doc_to_text: 'Entry {{id}}: the capital of {{country}} is'
doc_to_choice: '{{cities}}'
doc_to_target: '{{cities.index(capital)}}'
metric_list: [{ metric: acc }, { metric: acc_norm }]
metadata: { version: 1.0 }
`,
    'tasks/say.yaml': `
task: say_capital
dataset_path: capitals
test_split: test
doc_to_text: 'Which city is the capital of {{country}}? </script><b>{{id}}</b>'
doc_to_target: '{{capital}}'
generation_kwargs: { until: ["."], max_gen_toks: 6 }
metadata: { version: 1.0 }
`,
    'tasks/geography.yaml': `
group: geography
task: [capitals, say_capital]
aggregate_metric_list: [{ metric: acc }]
`,
  }
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(dir, name, '..'), { recursive: true })
    await writeFile(join(dir, name), text)
  }
  await writeTinyModel(join(dir, 'model'), { maxLength: 512 })
}
