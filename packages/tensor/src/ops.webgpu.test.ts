import { test } from 'vitest'
import { describeOps } from './op-suite.ts'
import { useBackend } from './index.ts'
import { setUpDawn } from './node.ts'

const dawn = await setUpDawn({ software: true })
if (dawn.ready) {
  await import('@tensorflow/tfjs-backend-webgpu')
  await useBackend('webgpu')
  describeOps('webgpu')
} else if (process.env.STEMKIT_REQUIRE_ALL === '1') {
  throw new Error(`WebGPU is required, but ${dawn.reason}`)
} else {
  test.skip(`ops on webgpu: ${dawn.reason}`, () => {})
}
