import '@tensorflow/tfjs-backend-wasm'
import { describeOps } from './op-suite.ts'
import { useBackend } from './index.ts'

await useBackend('wasm')
describeOps('wasm')
