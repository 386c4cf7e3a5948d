import '@tensorflow/tfjs-backend-cpu'
import { describeOps } from './op-suite.ts'
import { useBackend } from './index.ts'

await useBackend('cpu')
describeOps('cpu')
