/**
 * A model as one `.onnx` file, run by ONNX Runtime alone: none of stemkit is needed to use the file.
 *
 *     node examples/export-and-run-onnx.ts [model folder]
 *
 * Without a folder the model is a small one with random weights.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compiledEngine } from '@stemkit/compile'
import { nodeRuntime } from '@stemkit/compile/node'
import { createModel, exportOnnxModel } from '@stemkit/generate'
import { readModel } from '@stemkit/generate/node'
import { createModelConfig, initializeWeights, presets } from '@stemkit/model'
import { InferenceSession, Tensor } from 'onnxruntime-node'

const source = process.argv[2]
const { config, weights, tokenizer } = source === undefined ? randomModel() : await readModel(source)
const ids = tokenizer ? Array.from(tokenizer.encode('The people of the United States')) : [3, 14, 15, 92, 65]

const folder = await mkdtemp(join(tmpdir(), 'stemkit-onnx-'))
const file = join(folder, 'model.onnx')
const bytes = exportOnnxModel({ config, weights })
await writeFile(file, bytes)
console.log(`${bytes.length} bytes of ONNX`)

const session = await InferenceSession.create(file)
console.log(`inputs: ${session.inputNames.join()}; outputs: ${session.outputNames.join()}`)
const result = await session.run({ input_ids: new Tensor('int32', Int32Array.from(ids), [1, ids.length]) })
const found = result['logits']!.data as Float32Array

const model = await createModel({ config, weights, tokenizer, engine: compiledEngine(nodeRuntime()) })
const expected = await model.logits(ids)
const difference = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - found[i]!)), 0)
console.log(`${found.length} logits, largest difference from the model itself: ${difference.toExponential(1)}`)

const last = found.subarray(-config.vocabSize)
const next = last.indexOf(last.reduce((a, b) => Math.max(a, b)))
console.log(`likeliest next token: ${tokenizer ? JSON.stringify(tokenizer.decode([next])) : next}`)

await session.release()
await model.dispose()
await rm(folder, { recursive: true })

function randomModel(): Awaited<ReturnType<typeof readModel>> {
  const tiny = createModelConfig({ ...presets.tiny, vocabSize: 500 })
  return { config: tiny, weights: initializeWeights(tiny, { seed: 1 }), tokenizer: undefined }
}
