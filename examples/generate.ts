import { loadModel } from '@stemkit/generate/node'

const model = await loadModel(process.argv[2] ?? 'runs/sotu/stem/model')
for await (const piece of model.generate('The people of the United States', { maxTokens: 64 })) {
  process.stdout.write(piece.text)
}
await model.dispose()
